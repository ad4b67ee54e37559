"""Sentences of six languages with known personal data, and without: other templates and values than those that the tagger learns from (tools/pii/languages.py)."""

import random
import re

import pii_numbers
from pii_corpus import Sentence, assemble

LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
# Given names, surnames, places; "xx": of the rest of the world.
PEOPLE = {
    "en": ("Harriet Clement Beatrix Josiah Imogen Rupert Delphine Marcus Tamsin Ezekiel Shanice Tyrone Kayleigh Bradley Phoebe Desmond Ottilie Graham Leilani Dwayne Kerry-Ann Siobhan Callum Niamh Hamish".split(),
           "Whitcombe Ashdown Blackwood O'Donnell MacGregor Hargreaves Pickering Winterbottom Oyelaran Stubbs Featherstone Kirkpatrick Delacroix Yates Tremblay Vance Abernathy Hollis Beaumont-Clarke Lockhart Sandoval Mbeki Trevino Gallagher Whitaker".split(),
           "Leicester|Wolverhampton|Boise|Tulsa|Albuquerque|Chattanooga|Galway|Aberdeen|Hobart|Saskatoon|Kent|Oregon|Scotland|New Zealand|South Africa|Fort Worth|Baton Rouge|St. Louis|Milton Keynes|Devon|Nova Scotia|Little Rock|Swansea|Dunedin".split("|")),
    "de": ("Günther Wolfgang Annegret Heike Jürgen Ulrike Torsten Sabine Björn Friederike Käthe Holger Liselotte Matthias Anke Rüdiger Sieglinde Karl-Heinz Mehmet Ayşe".split(),
           "Müller Schäfer Großmann Weißenberger Krüger Lindemann Baumgärtner Yıldırım Hofstätter Zimmermann Brückner Oberhauser Stöckl Pfeiffer Vogelsang Rautenberg Kretschmar Schulze-Bergmann Neuhaus Dittrich".split(),
           "Bielefeld|Göttingen|Würzburg|Osnabrück|Zwickau|Klagenfurt|Innsbruck|Winterthur|Sachsen|Thüringen|Österreich|Schweiz|Bad Homburg|Frankfurt am Main|Nordrhein-Westfalen|Garmisch-Partenkirchen|Chemnitz|Tübingen".split("|")),
    "fr": ("Mathilde Thibault Océane Gaëtan Bérénice Sylvain Élodie Jean-Baptiste Maëlys Guillaume Corentin Amélie Yannick Aurélie Mamadou Fatoumata Geneviève Loïc Capucine Étienne".split(),
           "Lefèvre Rousseau Beauregard Charpentier Deschamps Guérin Marchand Pelletier Vasseur Bourgeois Le Goff d'Estaing Bonnefoy Traoré Chevalier Poirier Laroche Delaunay Bertrand Fontaine".split(),
           "Grenoble|Clermont-Ferrand|Aix-en-Provence|Limoges|Bretagne|Normandie|Saint-Étienne|Besançon|Liège|Namur|Genève|Lausanne|Québec|Montpellier|La Rochelle|Le Havre|Belgique|Perpignan".split("|")),
    "es": ("Guadalupe Joaquín Montserrat Álvaro Rocío Iñaki Inmaculada Rubén Ximena Santiago Begoña Ignacio Lucía Ramiro Pilar Emilio Consuelo Fermín Itziar Jesús".split(),
           "Echeverría Quintanilla Bustamante Ibáñez Villalobos Carrasco Zapatero Ordóñez Peñaranda Monteverde Arrieta Gallardo Santamaría Urrutia Belmonte Cárdenas Figueroa Olivares Zambrano Rentería".split(),
           "Zaragoza|Valladolid|Murcia|Guadalajara|Medellín|Rosario|Cataluña|Andalucía|España|Las Palmas|San Sebastián|Alicante|Salamanca|Oviedo|Arequipa|Guayaquil|La Coruña|Buenos Aires".split("|")),
    "it": ("Giuseppina Massimiliano Ludovica Raffaele Ornella Calogero Fiorella Tommaso Beatrice Gianluca Concetta Umberto Ilaria Salvatore Rosalba Edoardo Mirella Pasquale Chiara Vincenzo".split(),
           "Bevilacqua Castellani D'Amico Mastroianni Santoro Pellegrini Zanetti Quaranta Tagliaferri Buonocore Gentile Ferrara Locatelli Marchetti Serafini Vitale Scognamiglio Bonfanti Cattaneo Palumbo".split(),
           "Bologna|Catania|Reggio Calabria|Perugia|Trieste|Bergamo|Toscana|Sicilia|Italia|Ancona|L'Aquila|La Spezia|Lecce|Padova|Modena|Sardegna|Torino|Napoli".split("|")),
    "nl": ("Marijke Joost Anneke Willem Sjoerd Femke Bram Hendrika Lotte Pieter Wouter Saskia Jeroen Floortje Ruben Mieke Thijs Wietske Noor Gijs".split(),
           "Hoekstra Vermeulen Dijkstra Wouters Kuipers Brouwer Schouten Hendriksen Timmermans Verhoeven Zijlstra Bloemendaal Goossens Postma Mulder Veenstra Roelofs Smeets Claes Peeters".split(),
           "Groningen|Enschede|Tilburg|Den Haag|Leeuwarden|Mechelen|Brabant|Nederland|Utrecht|Zwolle|Haarlem|Apeldoorn|Gent|Brugge|Friesland|'s-Hertogenbosch|Arnhem|Leiden".split("|")),
    "xx": ("Nguyễn Xiaoming Aarav Lakshmi Hiroshi Sakura Mohammed Zainab Oluwadamilare Chinonso Dmitri Svetlana Kwabena Arjun Mei-Ling Jin-woo Fatemeh Tariq Aleksandra Zoltán".split(),
           "Trần Takahashi Krishnamurthy Al-Sayed Adebayo Ivanova Park Chaudhary Szabó Wójcik Papadopoulos Hakimi Mwangi Hernández Bergström Jørgensen Nakamura Zhang Abdullahi Petrović".split(),
           "Bangalore|Hanoi|Osaka|Lagos|Karachi|Nigeria|Pakistan|Kraków|Thessaloniki|Novosibirsk|Mumbai|Tehran|Malmö|Aarhus|Vietnam|Ukraine|Hong Kong|Kuala Lumpur|Ljubljana|Beirut".split("|")),
}
# P a person, F a given name, S a surname, T a title, C a place.
SAID = {
    "en": "My name is {P}.|I'm {F} and I live in {C}.|{P} lives at 42 Wallaby Way.|Can you please update {P}'s address?|{T} {S} will see you at noon.|I would like to book a flight from {C} to {C}.|We met {F} in {C} last summer.|Please send the documents to {P}, {C}.|{P} - Account Manager|Kind regards,\n{P}|The meeting between {P} and {P} has been moved.|Our branch in {C} is closed today.|{F}, could you call {F} back?|The deceased, {P}, was a resident of {C}.|Patient name: {P}|As {S} pointed out, it is late.|In {C}, {P} opened a bakery.|The parcel is stuck in {C}.|The new principal of the school is {T} {P}.|who is {P}?|What's the weather like in {C}?|{C} was flooded yesterday.|My son {F} is at school in {C}.|Invoice to: {P}|Is there a direct train to {C}?|{S}, {F} - admitted from {C}|@{F} I agree with you|I am writing on behalf of my mother {P}.|A spokesman for {T} {S} declined to comment.|The {S} family moved from {C}.|Witness {P} told the court that {F} had left.|Greetings from {C}!|Has anyone seen {F}?".split("|"),
    "de": "Mein Name ist {P}.|Ich heiße {F} und komme aus {C}.|Frau {S} wohnt in {C}.|Herr {P} hat gekündigt.|Bitte rufen Sie {T} {S} zurück.|Die Lieferung nach {C} verspätet sich.|Sehr geehrter Herr {S},|Liebe {F},|Viele Grüße\n{P}|{P} arbeitet seit 2010 in {C}.|Der Patient {P} wurde am Montag entlassen.|Gestern habe ich {F} in {C} getroffen.|Das Treffen mit {P} findet in {C} statt.|Versicherungsnehmer: {P}|Wer ist {P}?|Meine Tochter {F} geht in {C} zur Schule.|Kontoinhaber: {P}|Die Familie {S} zog von {C} nach {C}.|Zeuge {P} sagte aus.|Wie ist das Wetter in {C}?|Unsere Filiale in {C} ist geschlossen.|{F} und {F} kommen später.".split("|"),
    "fr": "Je m'appelle {P}.|Bonjour, ici {P}.|J'habite à {C} depuis 2010.|Madame {S} est arrivée à {C}.|Monsieur {P} souhaite un rendez-vous.|Cher {F},|Cordialement,\n{P}|Le patient {P} est sorti lundi.|Le train pour {C} est en retard.|Nous avons rencontré {F} à {C}.|Quel temps fait-il à {C} ?|Ma fille {F} étudie à {C}.|Titulaire du compte : {P}|Le docteur {S} vous recevra.|{P} travaille à {C}.|Le colis est bloqué à {C}.|La famille {S} vient de {C}.|Contactez {P} pour plus d'informations.|{F} et {F} sont absents.|Selon {P}, tout va bien.".split("|"),
    "es": "Me llamo {P}.|Soy {P} y vivo en {C}.|La señora {S} llegó a {C}.|El señor {P} pidió una cita.|Estimado {F}:|Un saludo,\n{P}|El paciente {P} fue dado de alta.|El tren a {C} llega tarde.|Ayer vi a {F} en {C}.|¿Qué tiempo hace en {C}?|Mi hija {F} estudia en {C}.|Titular de la cuenta: {P}|El doctor {S} le atenderá.|{P} trabaja en {C}.|El paquete está en {C}.|La familia {S} viene de {C}.|Póngase en contacto con {P}.|{F} y {F} no vinieron.|Según {P}, todo va bien.|¿Quién es {P}?".split("|"),
    "it": "Mi chiamo {P}.|Sono {P} e abito a {C}.|La signora {S} è arrivata a {C}.|Il signor {P} ha chiesto un appuntamento.|Caro {F},|Cordiali saluti,\n{P}|Il paziente {P} è stato dimesso.|Il treno per {C} è in ritardo.|Ieri ho visto {F} a {C}.|Che tempo fa a {C}?|Mia figlia {F} studia a {C}.|Intestatario del conto: {P}|Il dottor {S} la riceverà.|{P} lavora a {C}.|Il pacco è fermo a {C}.|La famiglia {S} viene da {C}.|Contatti {P} per informazioni.|{F} e {F} non sono venuti.|Secondo {P}, tutto va bene.|Chi è {P}?".split("|"),
    "nl": "Mijn naam is {P}.|Ik ben {P} en ik woon in {C}.|Mevrouw {S} is in {C} aangekomen.|De heer {P} heeft een afspraak.|Beste {F},|Met vriendelijke groet,\n{P}|De patiënt {P} is ontslagen.|De trein naar {C} is te laat.|Gisteren zag ik {F} in {C}.|Hoe is het weer in {C}?|Mijn dochter {F} studeert in {C}.|Rekeninghouder: {P}|Dokter {S} ontvangt u zo.|{P} werkt in {C}.|Het pakket ligt in {C}.|De familie {S} komt uit {C}.|Neem contact op met {P}.|{F} en {F} zijn er niet.|Volgens {P} gaat alles goed.|Wie is {P}?".split("|"),
}
TITLES = {"en": ["Dr.", "Mr.", "Mrs.", "Ms.", "Professor", "Mr"], "de": ["Dr.", "Prof.", "Frau", "Herrn"], "fr": ["Dr"], "es": ["Dr."], "it": ["Dott."], "nl": ["Dr."]}
# Nobody is in these.
NOBODY = {
    "en": "Please restart the Router and open the Admin Console.|The Finance Team approved the Annual Budget on Tuesday.|Click Settings, then Privacy and Security.|Our Premium Plan includes Priority Support.|Add the Butter and Sugar, then bake for an hour.|The Great Depression changed Economics forever.|Use React or Angular for the Frontend.|Both Android and Linux are Unix-like.|Chapter Two: The Storm|Dear Customer, Thank you for your Order.|Merry Christmas to everyone!|Error: Connection Timed Out|Terms of Use | Privacy Policy|He plays Chess and Football.|Mercury is closer to the Sun than Venus.|The Supreme Court Rejected the Appeal.|Buy One Get One Free|Machine Learning Engineer wanted|Frequently Asked Questions|A Bluetooth Speaker with Dolby Audio".split("|"),
    "de": "Der Kunde hat die Rechnung bezahlt.|Bitte öffnen Sie die Einstellungen.|Die Bundesregierung plant eine Reform der Rente.|Das Auto steht in der Garage.|Im Winter ist es kalt, im Sommer warm.|Die Lieferung der Waschmaschine verzögert sich.|Vielen Dank für Ihre Bestellung.|Der Hund jagt die Katze durch den Garten.|Unsere Öffnungszeiten sind Montag bis Freitag.|Die Prüfung in Mathematik war schwer.|Der Vertrag endet im Dezember.|Guten Morgen zusammen!|Das Finanzamt verlangt die Steuererklärung.|Wir suchen einen Ingenieur für die Abteilung Entwicklung.|Bitte senden Sie die Unterlagen per Post.|Die Gesellschaft haftet für den Schaden.|Der Zug hat Verspätung.|Kopfschmerzen und Fieber seit Freitag.|Die Tabletten nach dem Essen einnehmen.|Mit freundlichen Grüßen".split("|"),
    "fr": "Veuillez ouvrir le menu Paramètres.|Le Gouvernement a présenté la réforme.|Merci pour votre commande.|Le Tribunal a rejeté la demande.|La Poste est fermée le lundi.|Joyeux Noël à tous !|Bonjour à toute l'équipe,|L'Assemblée nationale a voté la loi.|Le Ministère de la Santé publie un rapport.|Le chien dort dans le jardin.|Conditions générales de vente|Service Client".split("|"),
    "es": "Abra el menú Configuración.|El Gobierno presentó la reforma.|Gracias por su pedido.|El Tribunal rechazó la demanda.|Feliz Navidad a todos.|Buenos días a todo el equipo:|El Ministerio de Sanidad publica un informe.|El perro duerme en el jardín.|Términos y Condiciones|Atención al Cliente|La reunión es el lunes.|Quiero devolver los zapatos.".split("|"),
    "it": "Aprire il menu Impostazioni.|Il Governo ha presentato la riforma.|Grazie per il suo ordine.|Il Tribunale ha respinto la richiesta.|Buon Natale a tutti!|Buongiorno a tutti,|Il Ministero della Salute pubblica un rapporto.|Il cane dorme in giardino.|Termini e Condizioni|Servizio Clienti|La riunione è lunedì.|Vorrei restituire le scarpe.".split("|"),
    "nl": "Open het menu Instellingen.|De Regering presenteerde de hervorming.|Bedankt voor uw bestelling.|De Rechtbank wees het verzoek af.|Prettige Kerstdagen allemaal!|Goedemorgen allemaal,|Het Ministerie van Volksgezondheid publiceert een rapport.|De hond slaapt in de tuin.|Algemene Voorwaarden|Klantenservice|De vergadering is maandag.|Ik wil de schoenen terugsturen.".split("|"),
}
# What stands around numbers; x the number.
AROUND = {
    "card": {
        "en": ["My credit card number is {x}", "Please charge {x}, exp 05/29", "card no. {x} was declined", "cc: {x}", "the Visa {x} expires soon", "{x}", "PAN={x}", "card_number_{x}", "{x}_expired", "CC_{x}_2024", "payment with _{x}_", "number:{x};cvv:123", "\"pan\":\"{x}\"", "paid using {x} yesterday"],
        "de": ["Meine Kreditkartennummer lautet {x}", "Bitte belasten Sie die Karte {x}", "Kartennr.: {x}", "Karte {x}, gültig bis 05/29"],
        "fr": ["Ma carte bancaire est {x}", "numéro de carte : {x}", "carte bleue {x}"],
        "es": ["Mi tarjeta de crédito es {x}", "número de tarjeta: {x}"],
        "it": ["La mia carta di credito è {x}", "numero di carta {x}"],
        "nl": ["Mijn creditcardnummer is {x}", "kaartnummer: {x}"],
    },
    "iban": {
        "en": ["IBAN: {x}", "Please transfer the money to {x}.", "account {x} at my bank", "iban={x}", "iban_{x}", "my IBAN is {x}, thanks"],
        "de": ["IBAN {x}", "Bitte überweisen Sie auf {x}.", "Konto: {x}, BIC folgt"],
        "fr": ["Mon IBAN : {x}", "virement sur {x}"],
        "es": ["IBAN {x}", "Transferir a {x}"],
        "it": ["IBAN {x}", "bonifico su {x}"],
        "nl": ["IBAN {x}", "Maak het over naar {x}."],
    },
    "email": {
        "en": ["Write to {x}.", "Email: {x}", "<{x}>", "contact {x} or call", "mailto:{x}", "From: Jane <{x}>", "{x}", "emails:{x};", "user={x}&a=b", "({x})", "*{x}*"],
        "de": ["Schreiben Sie an {x}.", "E-Mail: {x}"],
        "fr": ["Écrivez à {x}.", "courriel : {x}"],
        "es": ["Escríbeme a {x}.", "correo: {x}"],
        "it": ["Scrivi a {x}.", "e-mail: {x}"],
        "nl": ["Mail naar {x}.", "e-mailadres: {x}"],
    },
    "phone": {
        "en": ["Call me at {x}.", "My phone number is {x}", "Tel: {x}", "phone={x}", "reach me on {x} after 5", "Mobile: {x}, thanks", "fax {x}", "{x} is my cell"],
        "de": ["Rufen Sie mich unter {x} an.", "Tel.: {x}", "Handynummer {x}", "Meine Telefonnummer ist {x}", "Mobil: {x}", "Sie erreichen mich unter {x}.", "Fax: {x}"],
        "fr": ["Appelez-moi au {x}.", "Tél. : {x}", "Mon numéro de téléphone est le {x}", "portable : {x}"],
        "es": ["Llámame al {x}.", "Tel.: {x}", "Mi número de teléfono es {x}", "móvil: {x}"],
        "it": ["Chiamami al {x}.", "Tel. {x}", "Il mio numero di telefono è {x}", "cell. {x}", "cellulare: {x}"],
        "nl": ["Bel me op {x}.", "Tel. {x}", "Mijn telefoonnummer is {x}", "mobiel: {x}", "mijn 06-nummer: {x}"],
    },
    "passport": {
        "en": ["My passport number is {x}", "Passport no. {x}", "passport: {x}", "US passport {x}", "passport_number={x}", "Passport Number {x}, issued in 2019"],
        "de": ["Reisepassnummer: {x}", "Meine Passnummer ist {x}", "Reisepass Nr. {x}"],
        "fr": ["Numéro de passeport : {x}", "passeport n° {x}", "Mon passeport est le {x}"],
        "es": ["Número de pasaporte: {x}", "pasaporte {x}"],
        "it": ["Numero di passaporto: {x}", "passaporto n. {x}"],
        "nl": ["Paspoortnummer: {x}", "mijn paspoort {x}"],
    },
    "plate": {
        "en": ["License plate: {x}", "number plate {x}", "the car with plate {x}", "vehicle registration {x}", "plate number {x}", "registration plate is {x}"],
        "de": ["Kennzeichen {x}", "Kfz-Kennzeichen: {x}", "Autokennzeichen {x}", "amtliches Kennzeichen {x}"],
        "fr": ["plaque d'immatriculation {x}", "immatriculé {x}", "immatriculation : {x}"],
        "es": ["matrícula {x}", "la matrícula es {x}"],
        "it": ["targa {x}", "targato {x}"],
        "nl": ["kenteken {x}", "kentekenplaat {x}"],
    },
    "licence": {
        "en": ["Driver's license: {x}", "driver license number {x}", "DL# {x}", "driving licence no. {x}", "licence number is {x}"],
        "de": ["Führerscheinnummer {x}", "Führerschein Nr. {x}"],
        "fr": ["permis de conduire n° {x}", "numéro de permis : {x}"],
        "es": ["permiso de conducir {x}", "licencia de conducir: {x}"],
        "it": ["patente n. {x}", "patente di guida {x}"],
        "nl": ["rijbewijsnummer {x}", "rijbewijs: {x}"],
    },
    "birth_date": {
        "en": ["Date of birth: {x}", "I was born on {x}", "DOB {x}", "d.o.b. {x}", "her birthday is {x}", "birthdate={x}", "born {x}"],
        "de": ["Geburtsdatum: {x}", "geboren am {x}", "Ich bin am {x} geboren.", "geb. {x}"],
        "fr": ["Date de naissance : {x}", "né le {x}", "Je suis née le {x}."],
        "es": ["Fecha de nacimiento: {x}", "Nací el {x}.", "nacido el {x}"],
        "it": ["Data di nascita: {x}", "nato il {x}", "Sono nata il {x}."],
        "nl": ["Geboortedatum: {x}", "geboren op {x}", "Ik ben geboren op {x}."],
    },
}
MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split(),
    "nl": "januari februari maart april mei juni juli augustus september oktober november december".split(),
}


def names(count, seed):
    """`count` sentences, a quarter of them about nobody; each with its language."""
    draw = random.Random(seed)

    def person(origin):
        given, surnames, _ = PEOPLE[origin]
        first, last, r = draw.choice(given), draw.choice(surnames), draw.random()
        if origin == "nl" and r < 0.3:
            return f"{first} {draw.choice(['van der', 'van de', 'de', 'van den', 'ten'])} {last}"
        if r < 0.72:
            return f"{first} {last}"
        if r < 0.82:
            return f"{first} {draw.choice('ABCDEFGHJKLM')}. {last}"
        if r < 0.92:
            return f"{first} {draw.choice(given)} {last}"
        return f"{first[0]}. {last}" if r < 0.96 else f"{first} {last}".upper()

    out = []
    for i in range(count):
        language = LANGUAGES[i % len(LANGUAGES)]
        if draw.random() < 0.25:
            out.append((language, Sentence(draw.choice(NOBODY[language]), [])))
            continue
        origin = language if draw.random() < 0.85 else draw.choice(["xx", "en"])
        make = {"{P}": lambda: (person(origin), "person"), "{F}": lambda: (draw.choice(PEOPLE[origin][0]), "person"), "{S}": lambda: (draw.choice(PEOPLE[origin][1]), "person"),
                "{C}": lambda: (draw.choice(PEOPLE[origin][2]), "place"), "{T}": lambda: (draw.choice(TITLES[language]), None)}
        parts = re.split(r"(\{\w\})", draw.choice(SAID[language]))
        out.append((language, assemble([make[part]() if part in make else (part, None) for part in parts])))
    return out


class Values(pii_numbers.Numbers):
    """Of these kinds, as they are written in a language."""

    def letters(self, n):
        return "".join(self.draw.choices("ABCDEFGHKLMNPRSTVXZ", k=n))

    def passport(self, _):
        return self.draw.choice([self.digits(9), self.letters(1) + self.digits(8), f"C{self.text(7, 'CFGHJKLMNPRTVWXYZ0123456789')}{self.digits(1)}", f"{self.digits(2)}{self.letters(2)}{self.digits(5)}",
                                 self.letters(3) + self.digits(6), self.letters(2) + self.digits(7)])

    def plate(self, _):
        a, d = self.letters, self.digits
        return self.draw.choice([f"HH-{a(2)} {d(3, '123456789')}", f"{a(2)}-{d(3)}-{a(2)}", f"{d(4)} {a(3)}", f"{a(2)} {d(3)} {a(2)}", f"{a(2)}{d(2)} {a(3)}", f"{a(3)} {d(4)}", f"{d(1)}-{a(3)}-{d(2)}"])

    def licence(self, _):
        return self.draw.choice([self.letters(1) + self.digits(7), self.letters(1) + self.digits(12), self.digits(8), f"{self.letters(1)}{self.digits(3)}-{self.digits(4)}-{self.digits(4)}",
                                 f"{self.letters(2)}{self.digits(7)}{self.letters(1)}"])

    def birth_date(self, language):
        year, month, day = self.date()
        word = MONTHS[language][month - 1]
        return self.draw.choice({"en": [f"{month:02}/{day:02}/{year}", f"{year}-{month:02}-{day:02}", f"{word} {day}, {year}", f"{day} {word} {year}", f"{day}-{word[:3]}-{year}", f"28th of {word} {year}"],
                                 "de": [f"{day:02}.{month:02}.{year}", f"{day}.{month}.{year}", f"{day}. {word} {year}"], "fr": [f"{day:02}/{month:02}/{year}", f"{day} {word} {year}", f"1er {word} {year}"],
                                 "es": [f"{day:02}/{month:02}/{year}", f"{day} de {word} de {year}"], "it": [f"{day:02}/{month:02}/{year}", f"{day} {word} {year}", f"{day:02}.{month:02}.{year}"],
                                 "nl": [f"{day:02}-{month:02}-{year}", f"{day} {word} {year}", f"{day}/{month}/{year}"]}[language])

    def phone_in(self, language):
        d, high = self.digits, "23456789"
        return self.draw.choice({"en": [f"({d(3, high)}) {d(3, high)}-{d(4)}", f"{d(3, high)}.{d(3, high)}.{d(4)}", f"+1{d(3, high)}{d(3, high)}{d(4)}", f"+44 7{d(3)} {d(6)}", f"07{d(3)} {d(6)}", f"(0161) {d(3, high)} {d(4)}"],
                                 "de": [f"+49 30 {d(8, '2345')}", f"030 {d(7, high)}", f"+49 (0) 89 / {d(6, high)}", f"(0221) {d(6, high)}", f"0151 {d(8)}", f"0049 69 {d(7, high)}", f"+49 (0)711 {d(4, high)}-{d(3)}"],
                                 "fr": [f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}", f"06.{d(2)}.{d(2)}.{d(2)}.{d(2)}", f"+33 (0)1 {d(2)} {d(2)} {d(2)} {d(2)}", f"07{d(8)}"],
                                 "es": [f"+34 6{d(2)} {d(3)} {d(3)}", f"6{d(2)} {d(3)} {d(3)}", f"91{d(7)}", f"6{d(2)} {d(2)} {d(2)} {d(2)}", f"(+34) 6{d(8)}"],
                                 "it": [f"+39 3{d(2)} {d(7)}", f"3{d(2)} {d(7)}", f"02 {d(8)}", f"06/{d(7)}", f"3{d(2)}-{d(7)}"],
                                 "nl": [f"+31 6 {d(8)}", f"06-{d(8)}", f"020-{d(7, high)}", f"+31 (0)20 {d(3, high)} {d(4)}", f"(010) {d(7, high)}"]}[language])


def structured(count, seed):
    values, draw = Values(seed), random.Random(seed + 1)
    out = []
    for i in range(count):
        kind = list(AROUND)[i % len(AROUND)]
        language = draw.choice(LANGUAGES)
        value = values.phone_in(language) if kind == "phone" else getattr(values, kind)(language) if kind in ("passport", "plate", "licence", "birth_date") else getattr(values, kind)()
        left, right = draw.choice(AROUND[kind][language]).split("{x}")
        before, after = draw.choice([("", ""), ("Hello, ", ". Thank you"), ("- ", ""), ('"', '"'), ("**", "**"), ("", "\nRegards"), ("id;", ";x"), ("<td>", "</td>"), ("Der Kunde schrieb: ", ""), ("El cliente escribió: ", "")])
        out.append(assemble([(before + left, None), (value, kind), (right + after, None)]))
    return out
