#!/usr/bin/env python3
"""Makes the sentences that the tagger of names learns from: pii_train SENTENCES WEIGHTS reads them.

usage: make_sentences.py SHARED_TEXT LISTS > sentences.txt      (../shared/data/text, what dump_lists.mjs writes)

Templates with names and places of src/pii/data/lexicon.txt, and sentences of public-domain books and CC BY textbooks (OpenStax)
in which no word is a listed name: what is not to be found. Names are marked «P:…», places «L:…». tests/pii/ evaluates with other
templates and other values.
"""

import gzip
import json
import lzma
import pathlib
import random
import re
import sys

import forms
import languages
import make_lexicon

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "pii" / "data"

# F a given name, S a surname, P a person as it may be written, C a place, O an organisation, T a title, N a number, W a day or month.
TEMPLATES = """
My name is {P}.|My name is {P} and I live in {C}.|I am {P} from {C}.|Hi, this is {P} calling about my bill.|Hello {F},|Dear {T} {S},|Dear {F},|Hi {F}, thanks for the update.
Hey {F} - can you send me the report?|Thanks,\\n{P}|Best regards,\\n{P}\\n{O}|Kind regards, {F}|Sincerely, {P}|Cheers, {F}|Regards,\\n{F} {S}|Yours truly,\\n{P}
{P} was born in {C} in 1965.|{P} lives in {C} with her husband {F}.|{F} moved from {C} to {C} last year.|{P} works for {O} in {C}.|The patient, {P}, was admitted on {W} 3.
Patient {P} reported chest pain.|{T} {S} examined the patient.|{T} {P} will see you now.|I spoke with {P} yesterday.|Please ask {F} about it.|{F} said that the meeting went well.
According to {P}, the results are final.|{F} and {F} went to the market.|{P} and {P} signed the contract.|The contract between {P} and {O} ends in May.|Contact {P} at the front desk.
Contact: {P}|Name: {P}|Full name: {P}|Customer name: {P}|First name: {F}|Last name: {S}|Surname: {S}|Attending physician: {T} {P}|Emergency contact: {P}|Author: {P}|Assigned to: {P}
City: {C}|Country: {C}|Place of birth: {C}|Location: {C}|Destination: {C}|Ship to: {P}, {C}|From: {P}|To: {P}|Cc: {P}, {P}|Signed by {P} in {C}.|name={F}|city: {C}|state: {C}
We flew to {C} for the weekend.|The weather in {C} is nice.|Our office in {C} is closed on {W}.|He drove from {C} to {C}.|She grew up near {C}.|The train to {C} leaves at 9.
I want to travel to {C} next month.|How do I get to {C}?|The conference takes place in {C}, {C}.|They opened a branch in {C}.|Is there a store in {C}?|{C} is a beautiful city.
{C} has a population of two million.|The capital of {C} is {C}.|{C}, {C} and {C} sent delegates.|Flights between {C} and {C} were cancelled.|Citizens of {C} voted.|The mayor of {C}, {P}, resigned.
{P}, a lawyer from {C}, won the case.|{P}'s account was locked.|I lost {F}'s phone number.|{S}'s report is late.|This is {F}'s car.|{P} (born in {C}) is a painter.|"I agree," said {P}.
"No," {F} replied.|Then {F} smiled.|But {S} disagreed.|When {F} arrived, {F} was gone.|As {S} explained, the plan failed.|If {F} calls, tell her I am out.|Did {P} sign the form?
Was {F} there?|Who is {P}?|Where does {P} live?|What is the address of {P}?|Can you transfer the money to {P}?|Please cancel the booking for {P}.|Book a table for {F} at seven.
Send {F} an invitation.|Tell {F} I said hello.|Give the keys to {T} {S}.|Let {F} know.|Meet {F} and {P} at noon.|Call {T} {S} tomorrow.|Email {P} the file.|Ask {T} {P} in {C}.
The defendant {S} pleaded guilty.|Judge {S} denied the motion.|{S} v. {O}|Senator {S} spoke in {C}.|President {S} visited {C}.|Professor {S} teaches physics.|Officer {S} took the statement.
{T} {S} of {O} wrote to {P}.|{O} hired {P} as director.|{P}, CEO of {O}, said sales rose.|{O}, based in {C}, makes toys.|{O} opened an office in {C}.|The {O} building in {C} burned.
Her daughter {F} is nine.|His son {F} has asthma.|My wife {F} and I live in {C}.|My brother {F} works in {C}.|My mother, {P}, is ill.|Their children {F}, {F} and {F} are fine.|Our neighbour {T} {S} helped.
The nurse, {F}, called {T} {S}.|{S}, {F}|{S}, {F} (MRN 48213)|Witness: {P}, {C}|Interpreter {P} was present.|Visit by {P}.|Referred by {T} {P} to {O}.|cc {P}
{F} {S} was discharged home.|{F} has been taking aspirin.|Spoke to {F} on the phone.|Meeting with {P}, {P} and {P}|Attendees: {P}, {P}, {P}|Speakers: {P} ({O}), {P} ({O})|Presented by {P}
Mein Name ist {P}.|Ich heisse {P} und wohne in {C}.|Sehr geehrter Herr {S},|Sehr geehrte Frau {S},|Herr {S} wohnt in {C}.|Frau {P} kommt aus {C}.|Mit freundlichen Grüßen {P}|{P} arbeitet bei {O} in {C}.
Je m'appelle {P}.|Bonjour {T} {S},|Monsieur {S} habite à {C}.|Madame {P} est née à {C}.|Me llamo {P} y vivo en {C}.|Estimado señor {S}:|La señora {S} nació en {C}.|{P} vive en {C}.
Mi chiamo {P}.|Gentile signor {S},|{P} abita a {C}.|Mijn naam is {P}.|Ik woon in {C}.|De heer {S} uit {C} belde.|O senhor {P} mora em {C}.|Nazywam się {P}.|Jag heter {P} och bor i {C}.|Jeg heter {P} fra {C}.
He was with {F} in {C}.|after {F} left for {C}|with {P} on {W}|from {C}|by {P}|{P}|{P} - {O}|{P}, {C}|{P} <mail>|1. {P}|- {P}|* {P}: approved|@{F} please review|{P}: I will do it.|{F}: ok
{F} likes {C}. {F} does not.|Last week {F} met {P}. They talked about {C}.|I know {F}. He is from {C}.|The winner is {P}!|Congratulations, {F}!|Happy birthday {F}!|Welcome {P}.|Good morning {F}.
The card belongs to {P}.|Account holder: {P}|Beneficiary {P}, {C}|The insured, {P}, lives at 12 Main Street, {C}.|Please deliver it to {P} in {C}, {C}.|{P} paid {N} dollars.|{F} owes {P} {N} euros.
{C}, {C}|in {C} on {W}|Made in {C}|Born: {C}|{C}-based {O} grew.|the {C} office|the {C} airport|a flight to {C} via {C}|north of {C}|the city of {C}|the state of {C}|the University of {C}
I'm {F}.|I am {F}, nice to meet you.|It's {F} here.|She is called {F}.|his name was {P}|named {P}|a man named {F}|the author {P}|actor {P}|singer {P} was in {C}|farmer {P}|driver {P}|student {P}
"""

# Nothing in these is to be found.
NOTHING = """
The Quick Start Guide explains the Settings page.|Click Save to continue.|Open the File menu and choose Export.|Order {N} was shipped on {W}.|Invoice {N} is overdue.|Version {N} fixes a bug.
Please see Section {N} of the Agreement.|The Board of Directors approved the Budget.|Your Password has expired.|Terms and Conditions apply.|Windows and Linux are supported.|Python, Java and Rust are languages.
Microsoft Office runs on Windows.|Google Chrome was updated.|Apple released a new iPhone.|Amazon Web Services charges by the hour.|The Ministry of Health published a report.|{O} announced a new product.
{O} and {O} merged.|The Supreme Court ruled on {W}.|Congress passed the Act.|The English language has many words.|French wine and German beer are famous.|He speaks Spanish and Italian.|The Chinese market grew.
On {W} the shop is closed.|In {W} sales fell.|Merry Christmas and a Happy New Year!|Is Monday fine?|Thanks for your help.|Best regards|Kind regards|Yours sincerely|Hello there,|Dear Sir or Madam,|Dear customer,
Hi all,|Hey team,|Good morning everyone.|To whom it may concern|Total Revenue {N}|Net Income|Product Name|Customer Success Manager|Senior Software Engineer|Chief Executive Officer|Action Items|Next Steps
Step One: Install the App.|Warning: Do not open.|Error: File Not Found|GET /index HTTP|Content-Type: text|Monday Meeting Notes|Project Phoenix is on track.|The Pro plan costs {N}.|Upgrade to Premium.
Mars is a planet.|God knows.|The Bible says so.|Buddhism and Islam are religions.|The Pacific Ocean is deep.|Internet access is needed.|TV and DVD players|HIV and COVID tests were negative.|MRI of the brain
Blood Pressure 120/80|Heart Rate 72|Aspirin and Ibuprofen were given.|History of Diabetes and Hypertension|Assessment and Plan|Chief Complaint: Cough|Allergies: Penicillin|Vitals: Stable|Discharge Summary
Data Protection Officer|General Data Protection Regulation|Human Resources Department|Research and Development|Customer Support Team|The Company shall pay the Fee.|The Tenant and the Landlord agree.|Exhibit A|Table {N} shows Results.
Whereas the Parties agree|NOTICE OF MEETING|ALL RIGHTS RESERVED|IMPORTANT NOTICE|FREQUENTLY ASKED QUESTIONS|READ ME FIRST|How It Works|Getting Started|What Is New|About Us|Contact Us|Privacy Policy|Sign Up Now
Will it rain?|May I go?|Mark the box.|Rose bushes bloom.|Hope dies last.|Grant applications are due.|Bill the client.|Frank talk helps.|Jack up the car.|Summer is hot.|Will you come?|Can you help?|Faith moves mountains.
Open README.md|See the CHANGELOG|main.py, README.md and index.html|Read LICENSE and MAKEFILE first|TODO: README|Major changes came.|General rules apply.|Sergeant is a rank.|Doctor visits are free.|The Professor retired.|Reading is fun.|Turkey sandwich|China plates|Polish the shoes.|Orange juice|Nice work!|Mobile phones|Bath towels
"""

# Names that are ordinary words as well, and what these are otherwise.
ORDINARY_GIVEN = "Will Mark Grace Rose Hope Faith Olive Bill Grant Jack Frank Joy Dawn Ivy Iris Lily Daisy Violet Ruby Pearl Amber Summer Robin Drew Chase Miles Art Guy Gene Rich Rob Pat Penny Melody Max Dean Earl Ray Sue Drew Wolf Ernst".split()
ORDINARY_SURNAMES = ("Young Best Brown Klein Long Short Park Hill Rose Field Stone Day King Price Banks Gates Frost Law Bush House Good Sharp Strange Stark Lang Fuchs Sommer Winter Koch Richter Grand Petit Blanco Stein "
                     "Baum Berg Wolf Vogel Kaiser Kurz Stern Schwarz Kraft Engel Green White Black Gray Wood Cook Baker Mason Hunter Fisher Ward Cross Bell Marsh Brooks Rivers Waters Church Summers Winters Fox Swan Drake Noble "
                     "Wise Savage Small Little Love Joy Hope Case Page Moon Snow Rice Bean Pepper Ball Bond Cash Penny Power Sargent Weiss Braun Gross Jung Reich Roth Ritter Bauer Schneider Müller Zimmermann").split()
ORDINARY = """
Will you sign it?|Will the team win?|Will there be rain?|Mark the date.|Mark this as read.|Mark all as done|Grace period ends.|the Grace Period|Rose wine and cheese|Hope to see you soon.|Hope you are well.|Hope this helps|Faith in people
Bill the client.|Bill due on {W}|the Bill passed|Grant access to users.|Grant money arrived.|Frank talk helps.|Joy to the world|Dawn broke at six.|Art and music|Rich people pay.|Young people vote.|Best wishes|Best of luck|Brown bread
Long term plans|Short notes|Park the car.|Park opens at nine|Hill climbing|Field trip on {W}|Stone walls|Day one|Price list|Price per unit|Banks close at four.|Gates open at ten|Law and order|House rules|Good morning|Sharp knives
Strange things happen.|Winter is coming.|Summer sale|Green tea|White paper|Black coffee|Wood floors|Cook the rice.|Cross the road.|Bell rings|Small print|Little time is left.|Love it!|Case closed|Page {N}|Snow is falling.|Rice and beans
Power off|Power Supply|Cash Flow|Ball games|Case Study: {H}|New Page|Home Page|The Good, the Bad|Im Sommer ist es warm.|der Winter|Die Kraft der Sonne|Kurz gesagt|Der Richter entscheidet.|der Kaiser|ein Koch|die Sterne|Ritter und Engel
"""

# D: what is given to the sick, and what is examined.
DRUGS = ("Metformin Lisinopril Ibuprofen Aspirin Paracetamol Amoxicillin Atorvastatin Simvastatin Omeprazole Pantoprazol Metoprolol Bisoprolol Ramipril Amlodipine Losartan Valsartan Gabapentin Sertraline Citalopram Fluoxetine Diazepam "
         "Lorazepam Morphine Tramadol Oxycodone Warfarin Heparin Apixaban Clopidogrel Insulin Prednisone Levothyroxine Albuterol Salbutamol Azithromycin Doxycycline Ciprofloxacin Naproxen Diclofenac Tylenol Advil Lipitor Zoloft Xanax").split()
DRUG_STEMS = "lo meto ator ami ra ena can val ome panto cipro levo azi clari amo fluco vori ritu tras ima dasa sita empa suma riza enoxa lido bupi rosu prava nife fexo lora ceti ola rispe keto flu".split()
DRUG_ENDINGS = "pril olol statin sartan dipine prazole mycin cillin floxacin conazole mab tinib gliptin gliflozin triptan parin caine tidine azepam oxetine zapine formin profen tadine vir cycline thiazide".split()
ORGANS = "Herz Leber Niere Nieren Lunge Magen Darm Milz Galle Schilddrüse Gehirn Haut Knie Hüfte Schulter Rücken Wirbelsäule Heart Liver Kidney Kidneys Lungs Spleen Brain Thyroid Pancreas Abdomen Chest Knee Hip Foie Rein Coeur Hígado Riñón Corazón Fegato Cuore Polmone".split()
MEDICINE = """
{D} {N} mg twice daily|{D} {N}mg|She takes {D} and {D}.|Started on {D}.|He was given {D}.|{D} was stopped.|Allergic to {D}.|Allergies: {D}, {D}|Continue {D}.|Medications: {D}, {D}, {D}|- {D} {N} mg|Current meds: {D}|{D} for pain|with {D}
prescribed {D}|Take {D} with food.|{D} tablets|a dose of {D}|{D} and {D} were increased.|No {D} today.|Patient takes {D}.|side effects of {D}|{D} helps against fever.|Er nimmt {D} und {D}.|{D} abgesetzt|Therapie mit {D}|Sie erhielt {D}.
Le patient prend du {D}.|Toma {D} cada día.|Assume {D}.|{G}: unauffällig|{G} normal|{G}: normal|{G} und {G} sind gesund.|Ultraschall der {G}|{G} schlägt regelmäßig.|MRT {G}|CT of {G}|{G} sounds clear|{G}, {G} und {G}|Die {G} ist vergrößert.|das {G}
"""

# B: a product's or company's name that no list holds, A: letters that stand for something, H: a heading of ordinary words.
BRANDS = """
{B} offers a wide range of services.|With {B}, you can share files.|At {B}, we believe in quality.|How to use {B}|Introducing {B}: the new way to pay|{B}'s platform is easy to use.|Sign up for {B} today.|Join us at {B} and save.
{B} helps teams build software.|{B} is an app for runners.|{B} has been growing fast since 2012.|Thank you for choosing {B}.|Log in to your {B} account.|Open the {B} app.|the {B} dashboard|the {B} team|{B} Pro costs more.|{B} Premium
tools like {B}, {B} and {B}|We use {B} for billing.|It integrates with {B} and {B}.|{B} supports {A} and {A} files.|Q: Is {B} secure?|A: Yes, {B} uses encryption.|A: No.|Q: What is {B}?|Q: Does {B} work offline?|Since {B} began, sales grew.
Title: {B} grows quickly|{B} was founded in 2010.|{B} provides cloud storage.|{B} simplifies invoicing.|As {B} continues to grow, costs fall.|{B} users love it.|Our customers, including {B} and {B}, agree.|{B} announced a partnership with {B}.
{A}: questions and answers|The {A} is documented.|{A}, {A} and {A} are formats.|an {A} key|{A} compliance|Download the {B} installer.|Install {B} on your computer.|{B} now runs on Android.|a {B} subscription|{B} enables users to save time.
{H}: choose the files.|{H}|1. {H}: it saves time.|- {H}|Step 2: {H}|{H} and {H}|Introduction to {H}|3. {H}|Title: {H}|{H}:|About {H}|{B} {H}|{H} with {B}|{B}: {H}|Why {B}?|How does {B} work?|Yes, it does.|However, {B} is free.
Action items: {H}|Overall, {B} did well.|Discover {B}, the solution for teams.|in {B}, click Save|from {B}, we learned|{B} remains committed to security.|{B} makes it simple to pay.|{B} allows you to sell books.|{B} lets you chat.|through {B}|via {B}
"""
# What stands after a person, before one, and before a place: each with many of the others.
AFTER_PERSON = """
said so|called twice|wrote to us|asked for a refund|answered the phone|signed the lease|got married|visited the clinic|wants a refund|needs a ride|has been ill|will arrive at six|complained about the noise|lives alone|works nights
died in May|left early|moved away|paid in cash|bought a house|sold the car|lost a wallet|found it|sent a letter|received the parcel|ordered two|did not reply|can come on Monday|was hired in June|was seen at noon|was diagnosed with asthma
is on leave|is my sister|is our new manager|is the owner|is a teacher|is a nurse and a mother|is allergic to nuts|has two children|has an appointment|had surgery|was late again|thinks so|agreed|refused|apologised|smiled|laughed|told me
and I are friends|and his wife came|and her son left|or someone else|who lives next door|, my uncle, is a cook|, 42, is missing|, aged 37, fell|(the tenant) paid|(mother)|, who was there, agreed|, a nurse, helped|'s house|'s daughter|'s phone
"""
BEFORE_PERSON = """
I spoke to|we talked to|she met|ask|call|thank|a letter for|the interview of|a photo of|this is for|he married|we hired|I know|I saw|the son of|the wife of|the estate of|the lawyer of|my friend|my cousin|our neighbour|the tenant|the client|the employee
the applicant|the witness|the victim|the driver|the nurse|the teacher|a boy called|a woman named|signed|approved by|written by|reviewed by|prepared for|owed to|sold to|given to|sent by|reported by|treated by|seen by|accompanied by|represented by
her name is|his name is|the name is|I am called|they call me|it was|regards from|greetings from|attention:|attn:|recipient:|sender:|employee:|tenant:|patient:|client:|name of applicant:|insured:|owner:|manager:|mother:|father:|spouse:|guest:|student:
"""
BEFORE_PLACE = """
she lives in|we moved to|a flight to|an accident near|born in|a shop in|a flat in|our warehouse in|a hotel in|our guide in|rain in|a job in|they come from|he left|the road to|a trip to|a visit to|our office in|the bus from|someone in|nobody from|a village near|the river in
a hospital in|a school in|holidays in|weather for|the map of|deliver to|residing at|resident of|citizen of|based in|raised in|died in|studied in|stationed in|arrived in|returned to|headed for|stopped in|passing through|south of|outside|downtown|summer in|tickets to|imported from
"""
# Who does what to whom, and where: put together at random.
WHO = "I|we|she|he|they|you|the manager|my wife|his lawyer|somebody|the doctor|our team|her son|nobody|the bank".split("|")
DOES_TO = ("asked|called|met|saw|thanked|knew|helped|told|emailed|contacted|invited|hired|fired|married|visited|sued|paid|phoned|informed|reminded|trusts|likes|knows|sees|remembers|"
           "recognised|followed|interviewed|treated|examined|recommended|blamed|believes|misses|supports|introduced|appointed|promoted").split("|")
TOWARDS = ("spoke with|talked to|wrote to|met with|sent it to|gave the keys to|forwarded this to|spoke on behalf of|booked a room under|sold the car to|waited for|asked about|heard from|"
           "received a letter from|got a call from|borrowed it from|went with|lives with|works with|works for|agreed with|complained about|left it with|signed for").split("|")
THEN = "for help|about the bill|last week|again|at noon|on Monday|yesterday|before lunch|by phone|and left|, as agreed|, who was late|because of the noise|in person|after the meeting|, please||||".split("|")
GOES = ("lived in|moved to|went to|flew to|drove through|works in|stayed in|returned from|comes from|travelled to|left|reached|visited|loves|grew up in|studied in|died in|met in|spent two weeks in|"
        "opened a shop in|was born in|will be visiting|is visiting|plans to move to|is moving to|used to work in|got lost in|was arrested in|emigrated from|never saw").split("|")
WHERE_IS = ("is cold|is hot in summer|is expensive|is beautiful|is a small town|is far away|was flooded|has a new airport|has many parks|is on the coast|lies in the north|was founded in 1200|"
            "is known for its beer|is crowded|has good schools|gets a lot of rain|is quiet at night|has two universities|lost the match|is the capital").split("|")
OURS = "office|branch|store|team|factory|depot|plant|campus|clinic|site|address|warehouse manager|subsidiary|region|airport|police|hospital|market".split("|")

# What products and companies do, and what they have: no persons.
PRODUCT_DOES = ("offers|provides|helps|enables|allows|supports|integrates with|has launched|launched|announced|raised|is available|has expanded to|reported|grew by half|has been used by|lets|uses|ensures|"
                "includes|delivers|continues to grow|remains the leader|is committed to|is a platform for|is the first app for|was acquired|connects|gives users|makes it easy|does not store|takes care of|"
                "requires|comes with|can be installed|works on every phone|has seen rapid growth|serves|features|empowers|simplifies|automates").split("|")
PRODUCT_HAS = "platform|app|team|service|users|customers|mission|growth|dashboard|website|software|products|pricing|API|features|success|account|store|competitors|headquarters|terms".split("|")
PRODUCT_WHAT = "the tools that teams need|your data|a wide range of features|small businesses|new ways to pay|companies of all sizes|its services in many countries|you to save time|people everywhere|||".split("|")

# Countries as they stand in sentences.
COUNTRIES = """
in the «L:United States»|the «L:United Kingdom»|across the «L:United States», «L:Canada» and «L:Mexico»|from the «L:United States» of America|She left the «L:Netherlands».|in «L:New Zealand» and «L:Australia»|«L:South Korea» and «L:Japan»|«L:Germany», «L:France» and «L:Spain»
the «L:United Arab Emirates»|customers in «L:Germany»|across «L:Europe» and «L:Asia»|in «L:North America»|«L:Latin America»|«L:South Africa»|offices in «L:India» and «L:China»|the «L:Philippines»|a company in the «L:United Kingdom»|«L:United States»
"""

ORGANISATIONS = ["Acme Inc", "Northwind Traders", "Globex Corporation", "Initech", "Umbrella Corp", "Contoso Ltd", "Fabrikam", "Stark Industries", "Hooli", "Siemens AG",
                 "Deutsche Bank", "Toyota", "Samsung", "Nestle", "Volkswagen", "IBM", "Oracle", "Salesforce", "Netflix", "Spotify", "General Hospital", "City Clinic", "Red Cross",
                 "World Bank", "United Nations", "Harvard University", "St Mary Hospital", "Blue Shield", "Alpha Systems", "Delta Airlines", "Vertex Labs", "BluePeak Software",
                 "Greenfield Partners", "Summit Holdings", "Orion Media", "Bright Future Foundation", "Sunrise Bakery", "Lotus Hotel", "Zenith Bank", "Apex Solutions"]
TITLES = ["Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Mrs", "Ms", "Dr", "Prof.", "Professor", "Miss", "Sir", "Herr", "Frau", "Captain", "Judge", "Nurse", "Sr.", "Sra."]
PARTICLES = ["van", "de", "von", "da", "del", "bin", "van der", "de la", "van den", "von der", "dos", "della", "di", "ter", "zu", "du", "van de", "de los", "ibn"]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January March April June July August October December".split()
CAPITAL_PARTICLES = ["Al ", "Al-", "El ", "El-", "Abu ", "Mac ", "Mc", "O'", "D'", "Di ", "De ", "De La ", "Le ", "Van ", "Van der ", "Von ", "St. ", "Ben ", "Ó ", "Da "]
HALVES = "min jun ji hoon seo yeon ha eun soo ah jae hyun woo dong young kyung sang hee mi sun jin ho tae hwa bo ra na in su bin won seok joon hye chul gi sung".split()
SYLLABLES = "ba be bo bri ca cha da de dor el en fa fen ga ger go ha hel i jo ka kel kov la len li lo ma mar mi mo na ne no o pa per po ra ri ro sa sen ski so sta ta ter to tri u va ven vi wa wen ya yo za ze zi".split()


def main():
    shared = pathlib.Path(sys.argv[1])
    draw = random.Random(7)
    flags = dict(line.split() for line in (DATA / "lexicon.txt").read_text().splitlines())
    given = [w for w, f in flags.items() if "g" in f and len(w) > 2 and ("c" not in f or draw.random() < 0.3)]
    surnames = [w for w, f in flags.items() if "s" in f and len(w) > 1 and ("c" not in f or draw.random() < 0.5)]
    faker_places = [w for w, f in flags.items() if "p" in f and "c" not in f and len(w) > 3]
    own_places = [w for line in (DATA / "own_places.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#" for w in line.split(";")]
    own_surnames = [w for line in (DATA / "own_surnames.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#" for w in line.split(";")]

    lists = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    towns = [name for name in lists["places"] + [town for town, _ in lists["cities"]] if make_lexicon.LATIN.match(name)]
    # Towns of several words, but for those that may as well be persons: "Thi Tran".
    several = [name for name in towns if re.search("[ -]", name) and not all(set(flags.get(make_lexicon.fold(part), "")) & set("gs") for part in re.split("[ -]+", name))]
    common = [w for w, f in flags.items() if f == "c" and len(w) > 3]

    def invented():
        return "".join(draw.choices(SYLLABLES, k=draw.choice((2, 3, 3)))).capitalize()

    def brand():
        name = invented() if draw.random() < 0.5 else draw.choice(common) + draw.choice(["ly", "ify", "io", "a", "o", "eo", "hub", "box", "base", "able", "", "r", "works", "desk", "cast", "zy", "ix", "well"])
        name = name[0].upper() + name[1:]
        return name + draw.choice(common).capitalize() if draw.random() < 0.15 else name

    def heading():
        return " ".join(draw.choice(common).capitalize() for _ in range(draw.choice((1, 2, 2, 3))))

    def drug():
        return draw.choice(DRUGS) if draw.random() < 0.5 else (draw.choice(DRUG_STEMS) + draw.choice(["", "", "", "na", "ro", "ti"]) + draw.choice(DRUG_ENDINGS)).capitalize()

    def first():
        if draw.random() < 0.04:
            return draw.choice(ORDINARY_GIVEN)
        if draw.random() < 0.03:  # as Korean names are written
            return f"{draw.choice(HALVES).capitalize()}-{draw.choice(HALVES)}"
        return draw.choice(given).capitalize() if draw.random() < 0.93 else invented()

    def last():
        if draw.random() < 0.06:
            return draw.choice(ORDINARY_SURNAMES)
        r = draw.random()
        name = draw.choice(own_surnames) if r < 0.35 else draw.choice(surnames).capitalize() if r < 0.8 else invented()
        if draw.random() < 0.04:
            return f"{draw.choice(CAPITAL_PARTICLES)}{name}"
        return f"{name}-{draw.choice(surnames).capitalize()}" if draw.random() < 0.03 else name

    def person():
        r = draw.random()
        if r < 0.60:
            name = f"{first()} {last()}"
        elif r < 0.68:
            name = f"{first()} {chr(draw.randrange(65, 91))}. {last()}"
        elif r < 0.73:
            name = f"{first()} {first()} {last()}"
        elif r < 0.76:
            name = f"{chr(draw.randrange(65, 91))}. {last()}"
        elif r < 0.77:
            name = f"{chr(draw.randrange(65, 91))}.{chr(draw.randrange(65, 91))}. {last()}"
        elif r < 0.81:
            name = f"{first()} {draw.choice(PARTICLES)} {last()}"
        elif r < 0.90:
            name = first()
        else:
            name = last()
        return name.upper() if draw.random() < 0.05 else name

    def place():
        r = draw.random()
        if r < 0.45:
            return draw.choice(own_places)
        if r < 0.54:
            return draw.choice(several)
        if r < 0.64:
            return draw.choice(towns)
        if r < 0.9:
            return draw.choice(faker_places).capitalize()
        return draw.choice(["", "", "New ", "San ", "Port ", "North ", "East ", "Lake ", "South ", "West ", "St. "]) + invented() + draw.choice(["", "", "ville", "burg", "ton", "berg", "stadt", "bury", "field", "mouth", "ford", "port"])

    fill = {"F": lambda: f"«P:{first()}»", "S": lambda: f"«P:{last()}»", "P": lambda: f"«P:{person()}»", "C": lambda: f"«L:{place()}»",
            "O": lambda: draw.choice(ORGANISATIONS) if draw.random() < 0.8 else invented() + draw.choice([" Inc", " GmbH", " Ltd", " Group", " Bank"]),
            "B": brand, "A": lambda: "".join(draw.choices("ABCDEFGIJLMNOPRSTUVX", k=draw.choice((2, 3, 3, 4)))) + draw.choice(["", "", "s"]), "H": heading, "D": drug, "G": lambda: draw.choice(ORGANS),
            "T": lambda: draw.choice(TITLES), "W": lambda: draw.choice(DAYS), "N": lambda: str(draw.randrange(1, 99999))}

    def sentence(template):
        return re.sub(r"\{(\w)\}", lambda m: fill[m[1]](), template).replace("\\n", " ")

    lines = []
    for template in [t for row in TEMPLATES.strip().splitlines() for t in row.split("|")]:
        lines += [sentence(template) for _ in range(60)]
    for template in [t for row in NOTHING.strip().splitlines() for t in row.split("|")]:
        lines += [sentence(template) for _ in range(12)]
    for text, times in ((ORDINARY, 25), (MEDICINE, 40)):
        for template in [t for row in text.strip().splitlines() for t in row.split("|")]:
            lines += [sentence(template) for _ in range(times)]
    for template in [t for row in BRANDS.strip().splitlines() for t in row.split("|")]:
        lines += [sentence(template) for _ in range(60)]
    def rows(text):
        return [t for row in text.strip().splitlines() for t in row.split("|")]

    for after in rows(AFTER_PERSON):
        for _ in range(50):
            lines.append(sentence(draw.choice(["{P}", "{P}", "{P}", "{F}", "{T} {S}"])) + ("" if after[0] in ",'" else " ") + after + draw.choice([".", ".", "", "!", " today."]))
    for before in rows(BEFORE_PERSON):
        for _ in range(40):
            text = before + " " + sentence(draw.choice(["{P}", "{P}", "{P}", "{F}", "{T} {S}"])) + draw.choice([".", ".", "", ", please", " yesterday.", "?", " in {C}.", " " + draw.choice(rows(AFTER_PERSON)).lstrip(", ")])
            lines.append(sentence(draw.choice([text, text[0].upper() + text[1:]])))
    for before in rows(BEFORE_PLACE):
        for _ in range(40):
            text = before + " {C}" + draw.choice([".", ".", "", ", please", " in 1988.", "?", ", {C}.", " was fine.", " is cold."])
            lines.append(sentence(draw.choice([text, text[0].upper() + text[1:]])))
    who = lambda: sentence(draw.choice(["{P}", "{P}", "{P}", "{F}", "{F}", "{T} {S}", "{S}"]))
    end = lambda: draw.choice([".", ".", ".", "", "?", "!"])
    for _ in range(9000):
        subject, place_ = draw.choice(WHO), sentence("{C}")
        text = draw.choice([
            lambda: f"{subject} {draw.choice(DOES_TO)} {who()} {draw.choice(THEN)}",
            lambda: f"{subject} {draw.choice(TOWARDS)} {who()} {draw.choice(THEN)}",
            lambda: f"{who()} {draw.choice(DOES_TO + TOWARDS)} {who()} {draw.choice(THEN)}",
            lambda: f"{who()} {draw.choice(GOES)} {place_} {draw.choice(['', 'last year', 'in 1990', 'for work', 'with ' + who()])}",
            lambda: f"{subject} {draw.choice(GOES)} {place_} {draw.choice(['', 'last year', 'in 1990', 'for work', 'before moving to ' + sentence('{C}')])}",
            lambda: f"{place_} {draw.choice(WHERE_IS)}",
            lambda: f"{draw.choice(['our', 'the', 'their', 'your'])} {place_} {draw.choice(OURS)} {draw.choice(['is closed', 'was sold', 'called', '', 'replied'])}",
            lambda: f"{draw.choice(['send everything', 'ship it', 'bring them', 'deliver the parcel'])} to {draw.choice(['our', 'the', 'their'])} {place_} {draw.choice(OURS)}",
            lambda: f"{draw.choice(['is', 'was'])} {who()} {draw.choice(['your doctor', 'at home', 'there', 'the owner', 'a patient here', 'late'])}",
            lambda: f"{draw.choice(['has', 'did', 'does', 'will', 'can', 'could'])} {who()} {draw.choice(['reply', 'sign', 'know', 'arrive today', 'agreed', 'get the letter', 'come'])}",
            lambda: f"{draw.choice(['the guide in', 'the mayor of', 'a friend from', 'the driver from', 'her cousin in'])} {place_} {draw.choice(['was', 'is', 'is called'])} {who()}",
            lambda: f"{draw.choice(['nobody', 'someone', 'everyone'])} in {place_} {draw.choice(['knows', 'saw', 'likes', 'remembers'])} {who()}",
            lambda: f"{draw.choice(['this morning', 'last night', 'later', 'in May', 'today', 'on Friday'])} {who()} {draw.choice(['wrote', 'left', 'phoned', 'cried', 'flew'])} {draw.choice(['from', 'to', 'in'])} {place_}",
            lambda: f"{who()} and {who()} {draw.choice(['are siblings', 'signed', 'live in ' + place_, 'will inherit', 'have divorced'])}",
            lambda: f"the {draw.choice(['children', 'owners', 'parents', 'buyers', 'guests'])} are {who()} and {who()}",
            lambda: f"{draw.choice(['employee', 'passenger', 'guest', 'plaintiff', 'tenant', 'player', 'caller', 'student'])}{draw.choice([':', ''])} {who()}{draw.choice(['', ', room 12', ' appeals', ' scored'])}",
        ])().strip().replace(" ,", ",")
        text = text[0].upper() + text[1:] if draw.random() < 0.85 and text[0] != "«" else text
        lines.append(text + end())
    for _ in range(5000):
        text = draw.choice([
            lambda: f"{brand()} {draw.choice(PRODUCT_DOES)} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{brand()}'s {draw.choice(PRODUCT_HAS)} {draw.choice(PRODUCT_DOES)} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{draw.choice(['the', 'our', 'your', 'a new'])} {brand()} {draw.choice(PRODUCT_HAS)} {draw.choice(PRODUCT_DOES)} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{draw.choice(['at', 'with', 'using', 'through', 'by choosing', 'thanks to', 'since joining', 'in'])} {brand()}, {draw.choice(['you can', 'we believe in', 'users get', 'it is easy to share'])} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{draw.choice(['as', 'when', 'because', 'however,', 'moreover,', 'today,', 'in addition,', 'overall,'])} {brand()} {draw.choice(PRODUCT_DOES)} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{draw.choice(['what is', 'how does', 'why choose', 'is', 'can I use', 'getting started with', 'welcome to', 'introducing', 'discover'])} {brand()}{draw.choice(['', ' work', ': the solution', ' today'])}",
            lambda: f"{draw.choice(['companies', 'tools', 'brands', 'services'])} {draw.choice(['such as', 'like', 'including'])} {brand()}, {brand()} and {brand()}",
            lambda: f"{draw.randrange(1, 9)}. {heading()}: {brand()} {draw.choice(PRODUCT_DOES)} {draw.choice(PRODUCT_WHAT)}",
            lambda: f"{heading()}: {draw.choice(common)} the {draw.choice(common)} and {draw.choice(common)}",
        ])().strip()
        lines.append((text[0].upper() + text[1:] if draw.random() < 0.9 else text) + end())
    for template in [t for row in COUNTRIES.strip().splitlines() for t in row.split("|")]:
        lines += [template] * 15
    lines += languages.sentences(draw, 6000, lambda: f"«P:{person()}»", lambda: f"«P:{first()}»", lambda: f"«P:{last()}»", lambda: f"«L:{place()}»")
    lower, capital = make_lexicon.frequencies(shared)
    rare = sorted(w for w, n in lower.items() if 4 <= n and n > capital[w] and w.isalpha() and len(w) > 3 and w not in flags)
    lines += forms.sentences(draw, fill, person, first, last, common, rare)
    # A sentence of two: what ends one begins the next.
    lines += [draw.choice(lines) + " " + draw.choice(lines) for _ in range(6000)]
    books = [lzma.open(shared / "classic-books" / "general.txt.xz", "rt", errors="replace").read(12_000_000)]
    books += [gzip.open(p, "rt", errors="replace").read(1_200_000) for p in sorted((shared / "openstax-ccby").glob("*.gz"))]
    kept = []
    for number, book in enumerate(books):
        found = []
        for text in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", book)):
            if not 30 < len(text) < 220 or "«" in text or not re.search(r"[a-z,] [A-Z]", text):
                continue
            words = re.findall(r"[A-Za-z]+", text)
            capital = [w.lower() for w in words[1:] if w[0].isupper() and w != "I"]
            if any(set(flags.get(w, "")) & set("gspq") and "c" not in flags.get(w, "") for w in capital) or not capital:
                continue
            # Words that stand in no list at all may well be names: only ordinary ones are safe.
            if all("c" in flags.get(w, "") or "n" in flags.get(w, "") or w.endswith(("ish", "ian", "day")) for w in capital):
                found.append(text)
        draw.shuffle(found)
        kept += found[: 3000 if number == 0 else 1500]
    lines += kept
    # Headings and shouting: what has capitals everywhere.
    lines += [" ".join(w if w in ("and", "of", "the", "in", "to", "for", "a") else w[:1].upper() + w[1:] for w in text.split()[:8]) for text in draw.sample(kept, 2500)]
    lines += [" ".join(text.split()[:7]).upper() for text in draw.sample(kept, 500)]
    draw.shuffle(lines)
    sys.stdout.reconfigure(encoding="utf-8")
    print("\n".join(lines))
    print(len(lines), "sentences,", len(kept), "of books", file=sys.stderr)


if __name__ == "__main__":
    main()
