"""More sentences for make_sentences.py: names where nothing but their place tells them (chats, lists, tables, queries, headings), companies that are called like persons, and labels, products and first words that are nobody.

{F} {S} {P} {C} {O} {T} {N} {W} {B} {A} {H} as there; besides: {L} surname and given name with a comma, {U} a person in capitals, {Q} a company called like a person, {G} a company that everybody knows,
{V} a people or religion, {J} a profession, {D} a date, {E} an address of mail, {X} a telephone's number, {Z} an ordinary word with a capital, {K} a code, ⏎ a line's end.
"""

import pathlib

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "pii" / "data"

PERSONS = """
Estimado {F}:|Estimada {P}:|Querida {F}:|Caro {F},|Cara {P},|Gentile {P},|Cher {F},|Chère {P},|Liebe {F},|Lieber {F},|Beste {F},|Kära {F},|Hej {P},|Drogi {F},|Prezado {F},|Prezada {P}:|Estimados {F} y {F}:|Dear {F}:|Dear {P}:|To {F}:|Hello {F}.|Hello {F} and {F},|Hi {P},|{F} y {F} llamaron.|{F} e {F} arrivano domani.|{F} et {F} sont là.|ayer llamó {F}|he visto a {F} en {C}|ho incontrato {F} a {C}|chiamo da {C}, sono {P}
{F} in {C}|{P} in {C}|{F} from {C}|{F} ({C})|{P} moved to {C}|Best,⏎{F}|Best,⏎⏎{P}|Cheers⏎{F}|Thanks⏎{F}⏎{G}|Hola, soy {P}.|Hola {F}|Ciao {F}, come stai?|Salut {F}|Hallo {F}, wie geht es?|Olá {F}|Hej {F}!|Cześć {F}|Merhaba {F}|First name: {F}⏎City: {C}⏎Country: {C}|Last name: {S}⏎Town: {C}|City: {C}⏎Name: {P}
{S}'s new play|{S}'s third album|{S}'s latest film opened in {C}.|{S}'s goal won the match.|{S}'s widow lives in {C}.|{S}'s mother {F}|{S}'s office called.|{S}'s daughter studies in {C}.|{S}'s proposal was rejected.|{S}'s house in {C}|{F}'s new job|{F}'s flight to {C}|{P}'s passport|Pt {S}, {F}, seen by Dr. {S}|Pt {L}, {A} {K}|pt {S} seen by {S}|{L}, {A} {K}, seen by Dr {S} on {D}
{F}: on my way⏎{F}: great, the kids wait|{F}: who has the keys?|{F}: yes⏎{F}: no⏎{F}: why not, {F}?|[10:42] {F}: lunch?|{F} (10:42): lunch?|<{F}> is the server up?|* {F} has joined|{F} is typing|@{F} see above|@{F}, @{F}: please check|thanks @{F}!|cc @{F} @{F}
hey {F}, have you seen {F}?|yo {F}|lol {F} is so right|omg {F} said yes|ask {F} or {F}|{F}, are you there?|{F}, could you send the file to {F}?|Good night, {F}! Hug {F} and the dog.|Get well soon, {F}! Love to {F}.|Merry Christmas, {F} and {F}!|Welcome back, {F}!|Sorry, {F}, my fault.
Well done, {F}.|Be quiet, {F}.|Sleep well, {F}.|No, {F}, not now.|That is all, {F}.|See you soon, {F}|Take care, {F}. Yours, {F}|love, {F}|xoxo {F}|P.S. {F} sends her love.|Regards to {F} and {F}.|Say hi to {F} for me.|Kisses to {F} and the girls
"{F} never listens," {S} said.|"{F} is sick again," said {S}.|"It was {F}," whispered {F}.|"Where is {F}?" asked {S}.|"I met {F} there," {S} recalled.|'{F} knows,' said {F}.|said {S}, laughing|, {S} added.|, {S} told reporters.|{S} declined to answer.|{S} noted that {F} slept well.|{S} wrote that {F} ate nothing.
Nurse {S} gave {F} water.|{T} {S} reported that {F} fell.|{F} denies pain.|{F} was seen today with {F}, her mother.|{F} reports nausea since {W}.|Seen with son {F}.|Lives with daughter {F} and cat.|phone of {F}|laptop of {F}|(laptop of {F})|(friend of {F})|(wife: {F})|({F}'s desk)|(via {F})
for {F}'s birthday|about {F}'s exam|see {F}'s notes|in {F}'s house|{F}'s car broke down in {C}.|{S}'s latest book is set in {C}.|{S}'s second film|{S}'s lawyer replied.|{S}'s wife {F} paid.|critics praised {S}'s play|according to {S}'s theory|{S}'s team won in {C}.|the {S} family|The {S} family lives in {C}.|the {S} children
the {S} brothers|The {S} estate was sold.|the {S} trial|the {S} case|Mr and Mrs {S}|the {S}s of {C}|{S} v. {S}|{S} vs. {S}|In re {S}|{S} et al., 2019|({S}, 2004)|({S} and {S}, 1998)|{S} & {S} (2011) found this.|{S} scored twice.|{S} scored and {S} saved a penalty.|and {S} won the race|while {S} came third
{S} beat {S} in {C}.|Goals: {S}, {S}|{S} (23), {S} (41)|Authors: {S} {F}, {S} {F}, {S} {F}|Editors: {S} {F} and {S} {F}|Speakers: {S}, {S}, {S}|Team: {F}, {F}, {F} and {F}|Present: {L}; {L}; {L}|Absent: {S}, {S}|Committee: {P}, {P}, {P}|Directors: {P}; {P}|Witnesses: {P} and {P}
To: "{L}" <{E}>|From: "{L}" <{E}>|From: {P} <{E}>|Cc: {L} <{E}>; {L} <{E}>|To: {F} {S} ({E})|"{P}" <{E}>|{P} <{E}>|Reply-To: {P} <{E}>|Signed-off-by: {P} <{E}>|Co-authored-by: {P} <{E}>|{L} ({E})|Tested-by: {P}|Author: {P} <{E}>
summary for {L}: stable|Report on {L}: no change|Admitted: {L} ({D})|Discharged: {L}, {D}|{L}, born {D}|{L} ({D}), lot {N}|Absence: {L}, {D} to {D}|Holiday: {L}, {D}|Next patient: {L}|Sender: {L}|tenant {L}|owner {L}|driver {L}, plate {K}|buyer {L}, {C}|keeper {L}|Applicant: {L}
holder {U}|name on card {U}|CARDHOLDER {U}|The guest, {U}, paid.|passenger {U}|NAME: {U}|SURNAME: {U}|FULL NAME: {U}  NATIONALITY: {V}|BENEFICIARY {U}|{U}|{U}⏎{N} {C}|MR {U}|MRS {U}|DEAR {U}|SIGNED {U}|VISA {U}|PASSENGER {U} FROM {C}|CARD {N} {U}
ID {K}, {P}|document {K}, {P}|{K}, {P}|No. {K} of {P}, passport {K}|({P})|number {K} ({P})|{X} ({P})|call {X} ({F})|mobile {X}, {F}|{X} {P}|Tel. {X}, {P}|{P}, {X}|{P} {X}|{P} {D}|{D} {P}|{P}, {D}, {C}|{P} *{D}|{K} {P} {D}|{N}. {P}|{N}) {P}|#{N} {P}|#{N}: {P} ({E})
VALUES ('{P}', '{E}')|VALUES ({N}, '{F}', '{S}', '{C}')|WHERE name = '{P}'|SET owner = '{P}'|("{P}", {N})|['{P}', '{P}']|["{P}", "{E}"]|'{P}',|"{P}",|{'{P}': {N}}|insert into staff values ('{F}','{S}')|name,city⏎{P},{C}|name;ort⏎{P};{C}|{S};{F};{C}|{N};{S};{F};{C}|{N},{S},{F},{C}|"{S}","{F}","{C}"|{S},{F},{E}
| {P} | {C} | {X} ||| {F} | {S} | {N} ||| {N} | {P} | {D} ||| {P} | {E} ||Name | Town⏎{P} | {C}|{P}⇥{C}⇥{N}|{S}⇥{F}⇥{C}|{P} - {J}|{P}, {J} at {O}|{J} {P}|{P}⏎{J}, {G}⏎{C}|{P}⏎{J}⏎{O}|{J}: {P}|{P} ({J})|{P}, {J}, moved to {C}.|{P} joins as {J}.|{P} is our new {J}.|Our {J} {P} is ill.
Surname {S} Given name {F} Born in {C}|Last name {S} First name {F}|Name {S} Vorname {F}|Nom {S} Prénom {F}|Apellidos {S} {S} Nombre {F}|Cognome {S} Nome {F}|Efternamn {S} Förnamn {F}|Nazwisko {S} Imię {F}|soyadı {S}, adı {F}|surname {S}.|first name {F}.|maiden name {S}, now {S}|née {S}|born {S}|alias {S}
payee {P}|beneficiary {P}, {C}|in favour of {P}|received from {P}, IBAN {K}|paid by {P}, {K}|debited by {P}: {K}|guarantor {P}|heir {P}|trustee {P}|insured {P}|assuré {P}, né le {D}|contribuinte {P}|titular {P}|Kontoinhaber {P}|intestatario {P}|rekeninghouder {P}|namn {P}|nombre {P}|nome {P}|navn {P}|nimi {P}|imię i nazwisko {P}
Pan {P}, tel. {X}|Pani {P}|hr. {S}|fru {S}|Herrn {S} unter {X}|Frau {S} hat am {D} Termin.|Mme {S} au {X}|M. {S}, né le {D}|el Sr. {S}|la Sra. {S} vive en {C}|il sig. {S}, nato a {C}|il dott. {S} al {X}|la dott.ssa {S}|dhr. {S}|mevr. {S} uit {C}|o Sr. {S}|a Dra. {S}|Dr {S} at {O}|Prof. {S} of {O}|Drs. {S} and {S}|Dr. {P}, phone {X}|Dr. {P} in {C}
I'm {F} from {C}.|it's {F}, {X}|its {F} here|this is {F}, call {X}|hi, {F} here again|{P} here, I lost my card.|{P} speaking.|you can ask for {F}|between us, {S} lies|Nobody but {P} knows.|Not even {S} came.|Only {F} stayed.|Maybe {F} did.|Both {F} and {F} left {C}.|Neither {S} nor {S} came.|{F} and I are from {C}.|{F} or {F}?|{P} relocates from {C} to {C}.
my wife {F} on {X}|my husband {F}, {X}|my colleague {F} is a {V} {J}|his boss {S} is {V}|Interview with {P} on {D}|Lunch with {F} at {N}|1:1 {F} / {F}|{F}/{F} sync|Call {F} re: invoice|RE: {P}|Subject: {P}|FW: {S} contract|{P}'s CV lists {G}.|{P} left {G} for {G}.|{G} CEO {P}|{G} hired {P}.|{P} of {G}|{O} and {P} signed.|{P} sued {G}.
Photo: {P}|by {P}, {C}|Text: {P}|({P}/{A})|Tribute to {P}, who taught in {C}|In memory of {P}|Obituary: {P}|{P} (1931-2004)|{P}, 84, died in {C}.|{P}, aged {N}|Search for {P}, last seen in {C}|The flight to {C} carried {P} and two others.|{P} and {P} got engaged in {C}.|carried {P}|found {P}|freed {P}
""".strip()

PLACES = """
{F} left {C} at noon.|testified that {F} left {C}|before {S} reached {C}|She left {C} for {C}.|{C} beat {C} three to two|{C} lost to {C}.|{C} v {C}|{C}, {C} and {C}|shops in {C}, {C} and {C}|Weather for {C}, {C}: rain|{C}: 12 degrees|{C} 12/4|{C} - {C}|{C}-{C}|from {C} via {C} to {C}|{C} to {C} by train
Ask {F} whether {C} is cold.|Is {C} far from {C}?|Do you have a shop near {C}?|Exports from {C} to {C} rose.|imports from {C}|Made in {C}. Packed in {C}.|filed from {C}|issued in {C}|issued in {C} on {D}|born {D} in {C}, {C}|place of birth {C}|Place of birth: {C}|Birthplace {C}|nato a {C} il {D}|né à {C} le {D}|nacido en {C} el {D}
geboren in {C} am {D}|nascido em {C}|født i {C}|född i {C}|ur. w {C}|zamieszkały w {C}|wohnhaft in {C}|moro em {C}|vivo en {C}|domicilio {C}|domicile: {C}|residente a {C}|woonachtig te {C}|ausgestellt in {C}|délivré à {C}|{K}, {C}|city={C}&zip={N}|"city": "{C}"|town: {C}|Ort: {C}|Ville : {C}|Ciudad: {C}|Città: {C}|Plaats: {C}|Stadt: {C}
{N} {C}|{N} {C}, {C}|12 High Street, {C}|5 Mill Lane, {C}, {C}|{C} {N}|{C}, {C} {N}|P.O. Box {N}, {C}|{C} office|the {C} branch|the {C} plant|{C} police|{C} airport|greetings from {C}|{F} is in {C} until {W}|stuck in {C}|still in {C}|landed in {C}|off to {C}|back from {C}|{F} just moved to {C} with {F}|loves {C}
the house in {C}|a farm in {C}|offices in {C}|a plant in {C}, {C}|asylum in {C}|students from {C} visited {C}|a {J} in {C}|{V} tourists in {C}|practises in {C}|living in {C}|stolen in {C}|the ATM in {C}|hearing in {C}|a court in {C}|the way to {C}|travelling through {C} in June|in {C} in May|{C} in winter|{C}, {W}|{W}, {C}
| {C} | {N} ||| {N} | {C} ||city⏎{C}⏎{C}|id,city⏎{N},{C}|{N};{C};{N}|{C};{C}|- {C}⏎- {C}⏎- {C}|1. {C}⏎2. {C}|'{C}', '{C}'|["{C}", "{C}"]|({C})|({C}, {C})|{X} ({C})|{E} {C}
""".strip()

# Nothing here is a person or a place.
NOBODY = """
{"town":"{C}","kind":"{B}"}|{"town":"{C}","state":"{Z}","kind":"{B}"}|{"id":{N},"category":"{B}","level":"{Z}"}|"category":"{B}"}|"level":"{Z}","product":"{B}"}|"mode":"{Z}","theme":"{B}"|"plan": "{B}"}|'kind': '{B}'}|"plan":"{B}"|kind: {B}|theme: {B}|plan: {B}|,"theme":"{B}"}|,"kind":"{B}"}
{"type":"{B}","status":"{Z}"}|"type": "{Z}"|"status": "{Z}"|"kind":"{B}"|'color': '{Z}'|"file_name":"{B}"|file_name: {B}|hostName={B}|model: {B}|; {B}{B}|{B}{B}={N}|use{B}()|new {B}{B}()|The {Z} uses {Z} {N} C.|The {H} is open.|D.O.B {D}|D.O.B. {D}|T.C. {Z} No: {K}|U.S. {Z}|a.k.a.|P.S. {Z}|e.g. {Z}|i.e. {Z}|Hola, {Z}|Best regards|Best,|Hi all,|City: none|City|Country|Best {Z} of {N}
{G} raised its prices.|{G} and {G} merged.|shares of {G} fell|I bought it at {G}.|a parcel from {G}|my account at {G}|a job at {G}|A spokesman for {G} declined to comment.|A spokeswoman for {Q} said no.|{G} bought {Q} for {N} million dollars.|{Q} opened a shop.|{Q} is hiring.|Bank: {G}|Employer: {Q}|Company: {Q}|Insurer: {G}
{Q} announced results.|the headquarters of {Q}|a subsidiary of {G}|{Q}, based in Europe|the contract between {Q} and {G}|invoice of {Q}|transferred to {Q}|group plan of {Q}|customer of {Q}|supplier: {Q}|{Q} - invoice {N}|checking account at {G}|{G}, {G} and {G} compete.|{G} CEO|{G} app|{G} account|razón social {Q}|da empresa {Q}|Firma {Q}|société {Q}|ditta {Q}
{V} students|a {V} {J}|nationality {V}|Nationality: {V}|nationality {V}, sex F|{V} food|{V} and {V} people|the {V} government|He is {V}.|She speaks {V}.|{V} law|Religion: {V}|{V} holidays|most {V} voters|an old {V} saying
{Z}: {N}|{Z}: {K}|{Z}: none|{Z}:|{Z} no. {N}|{Z} NO: {K}|{Z} {K}|{Z} {K}, {Z} {K}|{Z} / {Z} / {Z}|/ {Z}: {K}|; {Z}: {K}|{Z}-{Z}: {N}|{Z}-{Z}: {K}|{Z} {Z} {N}|{Z} {N} {Z} {N}|{Z}={K}|{Z}, {Z} and {Z}|{Z}, {Z}, {Z}|{Z} ({N})|{Z} {X}|{Z} {E}|{Z}:{E}|{Z} {X}, {Z} {X}|{Z} {D}
{Z} ${N}|{Z} ${N} to {K}|{Z} {N} EUR|{Z} of {N}|{Z} found nothing.|{Z} was stopped.|{Z} were reloaded.|{Z} cannot be combined.|{Z} shows no change.|{Z} and {Z} are normal.|{Z} again, {Z} low|{Z} fell, {Z} rose.|{Z} is required.|{Z} the oven.|{Z} the form and send it.|{Z} this before noon.|{Z} it overnight.|{Z} with care.|{Z} in use.|{Z}|{Z} {Z}|{Z} {Z} {Z}|The {Z} is new.
{A} NO: {K}|{A}: {K}|{A} {K}|{A}: {K} {A}: {D}|/ {A}: {K} / {A}: {X}|{A} {K}, {A} {K}.|NO: {K}  {A}: {D}|PASSPORT NO: {K}|ACCOUNT NO {K}|W-{N} received|X-{Z}-{Z}: {K}|curl -H "{Z}: {Z} {K}"|tar -C {N} -H {K}|-X POST -H {K}|C.F. {K}|P.I. {K}|N.A.S. {K}|S.S.N. {K}|T {X}|M {X}|F {X}|E {E}|T {X} | F {X}|{N} dBm|{N} MiB / {N} MiB|{N} kHz
Vitamin C|Plan B|Room A, Block C|Type A|Section B|grade A|Class C|T cells|X rays|E. coli|U-turn|Hepatitis B|Group A meets.|point A to point B
{H} offers|{H} rates doubled.|{H}⏎{Z}: {N}⏎{Z}: {N}|Priority: {Z}. Status: {Z}.|Category: {Z} / {Z}|Step one: {Z} {Z}.|Press {Z}+{Z}.|class {B} extends {B} {|import {B};|{B}Exception in {B}.java line {N}|public static void main|{B}-{N}.{N}|{B} {N}.{N}|License: {B}-2.0|{B}.js|{B}OS needs {B}.|{B}, {B} and {B} are languages.|{B} tables and {B} topics
{Z} disease|{Z} syndrome|{Z}'s law|{Z}'s disease needs care.|the {Z} effect|the {Z} scale|{Z} wine, {Z} and {Z}|{Z} cheese|{Z} salad with {Z}|Add {Z} and {Z}.|{Z}, {Z} and {Z} are planets.|{Z} and {Z} fall in spring.|happy {Z}|our {Z} sale
Jack of all trades|every Tom, Dick and Harry|Murphy's law|Uncle Sam|Granny Smith apples|Brussels sprouts|Worcester sauce|Dijon mustard|Caesar salad|Allen key|Phillips screwdriver|Turkish delight|Danish pastry|a Bunsen burner|Newton's laws|Euler's formula|a Petri dish|the Richter scale|a Molotov cocktail|Parkinson's disease|Alzheimer's disease
""".strip()

FIRST_WORDS = ("Chiamare|Compilare|Inviare|Allegare|Spegnere|Aggiungere|Mescolare|Proszę|Prosimy|Dziękujemy|Uprzejmie|Szanowni|Szanowny|Kära|Bästa|Käre|Hej|Tack|Vänligen|Hyvä|Arvoisa|Kiitos|Sayın|Değerli|Lütfen|Vážený|Vážení|Prosím|"
               "Mélanger|Ajouter|Veuillez|Cordialement|Merci|Verser|Cliquez|Preencha|Prezado|Caro|Envie|Clique|Aguarde|Rellene|Añada|Estimados|Adjunto|Haga|Pulse|Verwarm|Gelieve|Geachte|Bijgaand|Klik|Vul|Roer|Bitte|Anbei|Überweisen|Klicken|"
               "Kære|Venligst|Kjære|Vennligst|Tisztelt|Kérjük|Stimate|Vă|Dragi|Poštovani|Molimo|Spoštovani|Lugupeetud|Palun|Cienījamie|Lūdzu|Gerbiamas|Prašome|Mitt|Mein|Meine|Min|Mijn|Mon|Ma|Mi|Meu|Minha|Il|La|Le|El|De|Det|Het|Der|Die|Das").split("|")
REST = ("il modulo|formularz|o formulário|el formulario|le formulaire|das Formular|het formulier|kollegor|kund|asiakas|müşterimiz|zákazníku|klant|cliente|client|Państwo|ügyfelünk|client, comanda|korisnici|sal y agua|la farine|de oven|"
        "på länken|personnummer är {K}|numero è {K}|número es {K}|Nummer ist {K}|número é {K}|nummer is {K}|il numero {X}|den Betrag|uprzejmie|o kontakt").split("|")
LEGAL = "Inc|Inc.|Ltd|Ltd.|LLC|GmbH|AG|KG|SA|S.A.|SAS|SARL|SpA|S.p.A.|Srl|BV|NV|Oy|AB|AS|A/S|ApS|Group|Partners|Holding|Holdings|Bank|Industries|Consulting|Logistics|Pharmacy|Foods|Motors|Brothers|Bros|and Sons|& Sons|& Co|& Co.|und Söhne|et Fils|e Figli|y Asociados|Hermanos|Hnos|und Partner|Kft|Zrt|Nyrt|d.o.o.|s.r.o.|Sp. z o.o.|Tbk|Pty|PLC|LLP|Clinic|Hospital|University|College|School|Insurance|Airlines|Energy|Systems|Media|Verlag|Bau|Immobilien|Forsikring|Försäkring|Eiendom".split("|")
BEFORE_COMPANY = "PT|CV|Fa|Yayasan|Firma|Bäckerei|Autohaus|Hotel|Grupo|Banco|Banque|Société|Studio|Ditta|Gebr.|Gebrüder|Jumbo|Koninklijke".split("|")
JOBS = "accountant|engineer|nurse|teacher|lawyer|plumber|Head of Sales|Sales Manager|Product Owner|CFO|Software Engineer|Data Analyst|Marketing Director|Office Manager|paralegal|midwife|electrician|Vice President|Pflegekraft|Buchhalterin|comptable|ingeniera|Team Lead|HR Partner|Procurement Officer|consultant".split("|")


def proper(*titles):
    """Words of own_proper.txt under the headings that begin so."""
    out, on = [], False
    for line in (DATA / "own_proper.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            on = line[2:].startswith(titles)
        elif on:
            out += line.split(";")
    return out


def sentences(draw, fill, person, given, surname, common, rare):
    """The sentences; `fill` makes what stands in braces in make_sentences.py, the last are functions and lists of it."""
    companies, products, peoples = proper("Companies"), proper("Products"), proper("Peoples")
    others = proper("Feasts", "Food", "Sickness", "Labels", "Products")
    letters = lambda n: "".join(draw.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=n))
    digits = lambda n: "".join(draw.choices("0123456789", k=n))
    code = lambda: draw.choice([lambda: digits(8), lambda: letters(2) + digits(7), lambda: digits(8) + letters(1), lambda: letters(1) + digits(8), lambda: f"{letters(3)}-{digits(5)}", lambda: f"{digits(3)}.{digits(3)}.{digits(3)}-{digits(2)}", lambda: letters(8), lambda: letters(11)])()
    date = lambda: draw.choice([f"{draw.randrange(1, 28):02}/{draw.randrange(1, 12):02}/{draw.randrange(1940, 2024)}", f"{draw.randrange(1940, 2024)}-{draw.randrange(1, 12):02}-{draw.randrange(1, 28):02}", f"{draw.randrange(1, 28)}.{draw.randrange(1, 12)}.{draw.randrange(1940, 2024)}"])
    telephone = lambda: draw.choice([f"+49 30 {digits(7)}", f"+1 212-555-{digits(4)}", f"+44 20 7946 {digits(4)}", f"(312) 555-{digits(4)}", f"+351 21{digits(7)}"])
    legal = lambda: f"{surname()} {draw.choice(LEGAL)}"
    company = lambda: draw.choice([legal, legal, legal, lambda: f"{surname()} & {surname()}", lambda: f"{surname()}-{surname()} {draw.choice(LEGAL)}", lambda: f"{draw.choice(BEFORE_COMPANY)} {surname()}", lambda: f"{surname()}, {surname()} and {surname()} {draw.choice(LEGAL)}",
                                   lambda: f"{draw.choice(common).capitalize()} {draw.choice(LEGAL)}", lambda: f"{surname()} {draw.choice(common).capitalize()} {draw.choice(LEGAL)}"])()
    ordinary = lambda: draw.choice([lambda: draw.choice(common), lambda: draw.choice(rare), lambda: draw.choice(rare), lambda: draw.choice(others), lambda: draw.choice(others)])()
    more = {"L": lambda: f"«P:{surname()}», «P:{given()}»" if draw.random() < 0.5 else f"«P:{surname()}, {given()}»", "U": lambda: f"«P:{(given() + ' ' + surname()).upper()}»", "Q": company, "G": lambda: draw.choice(companies), "V": lambda: draw.choice(peoples),
            "J": lambda: draw.choice(JOBS), "D": date, "E": lambda: f"{digits(2)}.{draw.choice(common)}@example.{draw.choice(['org', 'com', 'net'])}", "X": telephone, "Z": lambda: (lambda w: w[0].upper() + w[1:])(ordinary()), "K": code,
            "B": lambda: draw.choice(products) if draw.random() < 0.5 else fill["B"]()}
    every = {**fill, **more}

    def filled(template):
        out, i = "", 0
        while i < len(template):
            if template[i] == "{" and template[i + 2 : i + 3] == "}" and template[i + 1] in every:
                out += every[template[i + 1]]()
                i += 3
            else:
                out += template[i]
                i += 1
        return out

    def templates(text):
        # Bars of tables stand in threes: one that ends the template, one between two.
        return [t.replace("¦", "|") for row in text.splitlines() for t in row.replace("|||", "¦\0¦").replace("||", "¦\0").replace(" | ", " ¦ ").replace("\n| ", "¦ ").replace("\0", "|").split("|") if t]

    out = []
    for text, times in ((PERSONS, 70), (PLACES, 70), (NOBODY, 110)):
        for template in templates(text):
            out += [filled(template) for _ in range(times)]
    for _ in range(4000):
        out.append(filled(draw.choice(FIRST_WORDS) + " " + draw.choice(REST + [draw.choice(common), draw.choice(rare)])) + draw.choice([".", ",", ":", ""]))
    # Ordinary words first, as in a report: what no list holds as well.
    for _ in range(9000):
        words = [draw.choice(rare if draw.random() < 0.6 else common).capitalize()] + [draw.choice(common) for _ in range(draw.randrange(2, 6))]
        out.append(" ".join(words) + draw.choice([".", ".", ":", "", f", {draw.choice(common)} and {draw.choice(common)}."]))
    return out
