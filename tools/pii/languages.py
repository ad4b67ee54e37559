"""Sentences of German, French, Spanish, Italian and Dutch for make_sentences.py: names and places among what stands beside them, and ordinary sentences.

`and`, `titles`, and pieces that are put together at random: what stands before a person and after one, before a place and after one.
"""

import pathlib

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "pii" / "data"

PIECES = {
    "de": {
        "and": ["und", "oder", "sowie"], "titles": ["Herr", "Frau", "Herrn", "Dr.", "Prof.", "Schwester", "Pfarrer", "Richterin", "Familie", "Doktor"],
        "before": "wir trafen|ich kenne|gestern rief|das Auto gehört|ein Brief von|die Wohnung von|meine Schwester|mein Bruder|unser Nachbar|die Mandantin|der Mandant|der Zeuge|die Klägerin|der Fahrer|der Lehrer|die Ärztin|Kunde:|Kundin:|Name:|Ansprechpartner:|Mieter:|Patientin:|unterschrieben von|bearbeitet von|Anruf von|grüße|frag doch|hallo|liebe|lieber|danke|im Auftrag von|laut|neben|für|mit|ohne|von|bei|an|ihr Sohn|seine Tochter|meine Tochter|die Tochter|der Sohn|die Oma|ihr Mann|seine Frau|der Anwalt|der Geschäftsführer|hier ist|das ist|es meldet sich|sein Name war|sie heißt|er heißt|ich bin|geboren als|verheiratet mit|das Gespräch mit|die Akte|das Gutachten von|der Antrag von".split("|"),
        "after": "ist krank|hat angerufen|hat den Vertrag unterschrieben|wohnt im zweiten Stock|kommt heute nicht|möchte einen Termin|ist umgezogen|hat die Rechnung bezahlt|war gestern beim Arzt|bekommt eine Rente|ist verstorben|arbeitet als Lehrerin|leitet die Abteilung|hat Fieber|sagte nichts|lachte|wurde operiert|erhält Post|, 42 Jahre, klagt über Husten|, die Nachbarin, half uns|(Mieterin)|hat zwei Kinder|bestellte drei Bücher|wird entlassen|spricht|am Apparat".split("|"),
        "place": "in|aus|nach|bei|nahe|Umzug nach|eine Reise nach|das Wetter in|die Filiale in|unser Büro in|ein Hotel in|die Universität in|der Flug nach|der Bus aus|geboren in|wohnhaft in|Wohnort:|Ort:|die Stadt|ein Dorf bei|südlich von|über|Lieferung nach|der Bahnhof von|das Werk in|Urlaub in".split("|"),
        "then": "liegt im Süden|ist schön|war ausgebucht|wächst|hat einen neuen Bahnhof|wurde gesperrt|zur Arbeit|zur Schule|zum Arzt|gezogen|gefahren|gemeldet|verschickt|eröffnet|statt|am Freitag|im Sommer|, Deutschland|und zurück".split("|"),
        "nothing": "der {N} ist neu|die {N} fehlt|das {N} war teuer|im {N} steht nichts|ohne {N} keine {N}|wir suchen eine {N}|mit {N} und {N}|{N} und {N}|{N}: {N}|die {N} der {N}|nach der {N} kam die {N}|{N} zur {N}|zum {N}|eine neue {N}|sein {N} tut weh|bitte die {N} bringen|{N} fehlgeschlagen|für die {N} gilt das|unsere {N} wurde geprüft|laut {N}|die {N} beginnt im März|vielen Dank für die {N}|er ging zur {N}|als {N} arbeiten|keine {N} ohne {N}|in der {N}|aus dem {N}|wegen {N}|trotz der {N}|alle {N}|Ihre {N} vom Montag|diese {N} ist falsch|{N}schutz und {N}plan|der {N}leiter kam|die {N}ung|eine {N}versicherung|das {N}amt|der {N}vertrag|{N}nummer|{N}kosten|die {N}stelle|mein {N}|deine {N}|Ihr {N}|unser {N}"},
    "fr": {
        "and": ["et", "ou", "ainsi que"], "titles": ["Monsieur", "Madame", "M.", "Mme", "Mlle", "Dr", "le docteur", "la famille", "maître", "le professeur"],
        "before": "j'ai vu|nous connaissons|une lettre de|l'appartement de|ma sœur|mon frère|notre voisin|la cliente|le témoin|le chauffeur|l'infirmière|Nom :|Client :|Interlocuteur :|signé par|de la part de|un appel de|chère|cher|merci|avec|sans|pour|chez|par|selon moi,|son fils|sa fille|leur mère|son mari|sa femme|l'avocat de|ici|c'est|elle s'appelle|il s'appelle|je suis|née|marié à|le dossier de|la réunion avec|contacter|le patient|la patiente".split("|"),
        "after": "est malade|a téléphoné|a signé le contrat|habite au deuxième étage|ne viendra pas|demande un rendez-vous|a déménagé|a payé la facture|est décédé|enseigne les maths|dirige le service|a de la fièvre|ne dit rien|fut opérée|, 42 ans, tousse|, notre voisine, nous aida|a deux enfants|a commandé trois livres|sort demain|parle".split("|"),
        "place": "à|de|vers|près de|un voyage à|la météo à|l'agence de|notre bureau de|un hôtel à|l'université de|le vol pour|le bus de|née à|domicilié à|Ville :|la ville de|un village près de|au sud de|livraison à|la gare de|l'usine de|vacances à|quitter|visiter|en".split("|"),
        "then": "est belle|se trouve au sud|était complet|grandit|a une nouvelle gare|fut fermée|pour le travail|vendredi|cet été|, France|et retour".split("|"),
        "nothing": "{N} du jour|le {N} est neuf|la {N} manque|{N} et {N}|{N} : {N}|sans {N}|voici la {N}|la {N} de la {N}|Mon {N} est cassé|merci pour la {N}|une nouvelle {N}|{N} refusée|la Cour a jugé|le Conseil se réunit|{N}, vous avez raison|{N} à tous|cette {N} est fausse"},
    "es": {
        "and": ["y", "o", "e"], "titles": ["señor", "señora", "Sr.", "Sra.", "don", "doña", "doctor", "doctora", "la familia", "profesor", "Dr."],
        "before": "vimos a|conozco a|una carta de|el piso de|mi hermana|mi hermano|nuestro vecino|la clienta|el testigo|el conductor|la enfermera|Nombre:|Cliente:|Contacto:|firmado por|de parte de|una llamada de|querida|querido|gracias,|con|sin|para|por|de|su hijo|su hija|la madre de|su marido|su esposa|el abogado de|aquí|habla|ella se llama|él se llama|soy|casada con|el expediente de|la reunión con|pregunte por|el paciente|la paciente|a".split("|"),
        "after": "está enferma|llamó|firmó el contrato|vive en el segundo piso|no vendrá|quiere una cita|se mudó|pagó la factura|falleció|enseña física|dirige la sección|tiene fiebre|no dijo nada|fue operada|, de 42 años, tose|, la vecina, ayudó|tiene dos hijos|pidió tres libros|sale mañana".split("|"),
        "place": "en|de|a|hacia|cerca de|un viaje a|la sucursal de|nuestra oficina en|un hotel en|la universidad de|el vuelo a|el autobús de|nacida en|residente en|Ciudad:|la ciudad de|un pueblo cerca de|al sur de|envío a|la estación de|la fábrica de|vacaciones en|visitamos|dejó|desde".split("|"),
        "then": "es bonita|está en el sur|estaba lleno|crece|tiene estación nueva|fue cerrada|por trabajo|el viernes|este verano|, España|y volver".split("|"),
        "nothing": "{N} del día|el {N} es nuevo|la {N} falta|{N} y {N}|{N}: {N}|sin {N}|esta es la {N}|la {N} de la {N}|mi {N} está roto|gracias por la {N}|una nueva {N}|{N} rechazada|¿{N} está?|¿{N} hora es?|¡{N} a todos!|{N}, tiene razón|esta {N} es falsa"},
    "it": {
        "and": ["e", "o", "ed"], "titles": ["signor", "signora", "Sig.", "Dott.", "dottoressa", "dottor", "professore", "la famiglia", "ingegner", "avvocato"],
        "before": "abbiamo visto|conosco|una lettera di|l'appartamento di|mia sorella|mio fratello|il nostro vicino|la cliente|il testimone|l'autista|l'infermiera|Nome:|Cliente:|Referente:|firmato da|da parte di|una telefonata di|cara|caro|grazie|con|senza|per|da|di|suo figlio|sua figlia|la madre di|suo marito|sua moglie|l'avvocato di|qui|parla|lei si chiama|lui si chiama|sono|sposata con|la pratica di|la riunione con|chiedere di|il paziente|la paziente".split("|"),
        "after": "è malata|ha telefonato|ha firmato il contratto|vive al secondo piano|non verrà|vuole un appuntamento|ha traslocato|ha pagato la fattura|è morto|insegna fisica|dirige il reparto|ha la febbre|non disse nulla|fu operata|, 42 anni, tossisce|, la vicina, aiutò|ha due figli|ordinò tre libri|esce domani".split("|"),
        "place": "a|da|di|verso|vicino a|un viaggio a|la filiale di|il nostro ufficio di|un albergo a|l'università di|il volo per|l'autobus da|nata a|residente a|Città:|la città di|un paese vicino a|a sud di|consegna a|la stazione di|la fabbrica di|vacanze a|visitare|lasciò|in".split("|"),
        "then": "è bella|si trova al sud|era pieno|cresce|ha una nuova stazione|fu chiusa|per lavoro|venerdì|questa estate|, Italia|e ritorno".split("|"),
        "nothing": "{N} del giorno|il {N} è nuovo|la {N} manca|{N} e {N}|{N}: {N}|senza {N}|ecco la {N}|la {N} della {N}|il mio {N} è rotto|grazie per la {N}|una nuova {N}|{N} respinta|{N} a tutti|{N}, ha ragione|questa {N} è falsa|il {N} della {N} dice"},
    "nl": {
        "and": ["en", "of", "alsmede"], "titles": ["meneer", "mevrouw", "Dhr.", "Mevr.", "dokter", "Dr.", "familie", "professor", "rechter", "zuster"],
        "before": "wij zagen|ik ken|een brief van|het huis van|mijn zus|mijn broer|onze buurman|de klant|de getuige|de chauffeur|de lerares|Naam:|Klant:|Contactpersoon:|getekend door|namens|een telefoontje van|lieve|beste|bedankt|met|zonder|voor|bij|van|haar zoon|zijn dochter|de moeder van|haar man|zijn vrouw|de advocaat van|hier is|dit is|zij heet|hij heet|ik heet|getrouwd met|het dossier van|de vergadering met|vraag naar|de patiënt|u spreekt met".split("|"),
        "after": "is ziek|heeft gebeld|heeft het contract getekend|woont op de tweede verdieping|komt vandaag niet|wil een afspraak|is verhuisd|heeft de factuur betaald|is overleden|geeft les|leidt de afdeling|heeft koorts|zei niets|werd geopereerd|, 42 jaar, hoest|, de buurvrouw, hielp|heeft twee kinderen|bestelde drie boeken|gaat morgen naar huis".split("|"),
        "place": "in|uit|naar|bij|nabij|een reis naar|het filiaal in|ons kantoor in|een hotel in|de universiteit van|de vlucht naar|de bus uit|geboren in|wonend te|Plaats:|Woonplaats:|de stad|een dorp bij|ten zuiden van|levering in|het station van|de fabriek in|vakantie in|bezoek aan".split("|"),
        "then": "is mooi|ligt in het zuiden|was vol|groeit|heeft een nieuw station|werd gesloten|voor werk|op vrijdag|deze zomer|, Nederland|en terug".split("|"),
        "nothing": "{N} van de dag|de {N} is nieuw|het {N} ontbreekt|{N} en {N}|{N}: {N}|zonder {N}|hier is de {N}|de {N} van de {N}|mijn {N} is kapot|bedankt voor de {N}|een nieuwe {N}|{N} mislukt|{N} allemaal|{N}, u hebt gelijk|deze {N} klopt niet|{N} gaat het?|{N} is dat?"},
}
LANGUAGES = {"German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Dutch": "nl"}


def ordinary_words():
    """For each language its words of own_common.txt."""
    out, language = {code: [] for code in PIECES}, None
    for line in (DATA / "own_common.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            language = LANGUAGES.get(line[2:].split(":")[0])
        elif language:
            out[language] += line.split(";")
    return out


def sentences(draw, count, person, given, surname, place):
    """`count` sentences of each language; the last four are functions that give a name each, marked."""
    words, out = ordinary_words(), []
    for code, piece in PIECES.items():
        someone = lambda: draw.choice([person, person, person, given, lambda: f"{draw.choice(piece['titles'])} {surname()}"])()
        both = lambda: f"{draw.choice([given, given, person])()} {draw.choice(piece['and'])} {draw.choice([given, given, person])()}"
        joint = lambda after: after if after[:1] in ",(" else " " + after
        for _ in range(count):
            text = draw.choice([
                lambda: f"{draw.choice(piece['before'])} {someone()}",
                lambda: f"{draw.choice(piece['before'])} {someone()} {draw.choice(piece['place'])} {place()}",
                lambda: someone() + joint(draw.choice(piece["after"])),
                lambda: f"{draw.choice(piece['before'])} {someone()}" + joint(draw.choice(piece["after"])),
                lambda: f"{both()} {draw.choice(piece['after']).lstrip(',( ')}",
                lambda: f"{draw.choice(piece['place'])} {place()}",
                lambda: f"{draw.choice(piece['place'])} {place()} {draw.choice(piece['then'])}".replace(" ,", ","),
                lambda: f"{place()} {draw.choice(piece['then'])}".replace(" ,", ","),
                lambda: f"{draw.choice(words[code])} {draw.choice(piece['place'])} {place()}",
                lambda: f"{draw.choice(['', '', piece['place'][0] + ' ', draw.choice(words[code]) + ' 12, ', draw.choice(words[code]) + ': '])}{draw.choice([draw.randrange(10000, 99999), draw.randrange(1000, 9999)])} {place()}",
                lambda: f"{draw.choice(words[code])} {draw.choice(piece['before'])} {someone()}",
                lambda: f"{draw.choice(piece['titles'])} {surname()} {draw.choice(piece['place'])} {place()} {draw.choice(piece['then'])}".replace(" ,", ","),
                *[lambda: " ".join(draw.choice(words[code]) if part == "N" else part for part in draw.choice(piece["nothing"].split("|")).replace("{N}", "\0N\0").split("\0")).replace("  ", " ")] * (9 if code == "de" else 5),
            ])().strip()
            text = text[0].upper() + text[1:] if draw.random() < 0.85 and text[0] != "«" else text
            out.append(text + draw.choice([".", ".", ".", "", "?", "!", ","]))
    return out
