#include "pii/neighbours.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "pii/looks.h"
#include "pii/syllables.h"
#include "pii/word_set.h"

namespace freehold::pii {
namespace {

const WordSet kGreetings(
    "hi hey hello dear hiya howdy cheers thanks yo hallo hej hejsan hei heisann hola ciao salve salut bonjour bonsoir "
    "coucou cher chere chers ola oi caro cara czesc witaj ahoj cau moi moikka terve liebe lieber liebes servus moin "
    "gruezi hoi beste geachte lieve querido querida estimado estimada apreciado apreciada prezado prezada gentile "
    "kaere kjaere kara kare drogi droga mily mila hyva rakas buongiorno dzien tak tack takk kiitos danke merci gracias "
    "grazie obrigado obrigada dziekuje dekuji dank regards ok okay sorry bye welcome");

// Who is greeted without being named; and what sentences begin with.
const WordSet kCalled(
    "everyone everybody all folks guys gang friends team support admin admins recruiter recruiters sir sirs madam "
    "colleague colleagues neighbour neighbours neighbor neighbors parents students customers members both there "
    "kollege kollegin kollegen kolleginnen nachbar nachbarn eltern freunde mitglieder vermieter alle zusammen "
    "collegues collegue amis tous toutes voisin voisins clients madame monsieur mesdames messieurs "
    "colegas amigos todos todas vecinos clientes colleghi amici tutti vicini clienti signori "
    "collega allemaal iedereen buren vrienden klanten vizinhos pessoal galera wszyscy panstwo "
    "alla allihopa kollegor kolleger venner vanner naboer kaikki ystavat kollegove vsichni pratele");
const WordSet kOpeners(
    "yep yup yeah yea nope nah hmm hm mhm okay oops wow ugh haha lol thx omg btw fyi aha uh um nvm tbh imo "
    "wann wo wer wie warum wieso weshalb was welche welcher welches welchen welchem woher wohin womit wozu genau klar "
    "quand quoi qui comment pourquoi quel quelle quels quelles combien voici voila oui non "
    "cuando donde quien quienes como porque cual cuales cuanto cuantos cuanta cuantas quando dove come perche quale "
    "quali quanto quanti quanta onde quem qual quais quantos wanneer waar hoe waarom welke welk hoeveel "
    "kiedy gdzie kto jak dlaczego ile czy nar vem hur varfor vilken vilket hvornar hvor hvem hvordan hvorfor hvad hva "
    "hvilken milloin missa kuka miten miksi mika mita kdy kde kdo proc kolik jaky");
// Before nouns, in German before every one of them.
const WordSet kArticles(
    "der die das des dem den ein eine einen einem einer eines kein keine keinen vom beim zum zur unser unsere unserem "
    "ihre seine meine deine");
const WordSet kAnyArticles("la el los las le les il lo gli de het een un una une uno o a os as um uma im am");

// Labels before a colon, behind which somebody is named.
const WordSet kPersonLabels(
    "name names patient patients insured client customer employee applicant claimant tenant landlord landlady lessee "
    "lessor buyer seller owner holder cardholder accountholder policyholder subscriber member guest passenger driver "
    "traveller traveler student pupil teacher guardian parent mother father spouse husband wife partner son daughter "
    "child dependent dependant beneficiary payee payer payor sender recipient addressee consignee consignor shipper "
    "attn attention from cc contact caller agent witness plaintiff defendant respondent petitioner appellant suspect "
    "victim deceased donor donors heir executor trustee notary attorney lawyer counsel judge doctor physician surgeon "
    "nurse "
    "provider prescriber referrer radiologist emergency kin signed signature signatory author editor reviewer "
    "approver assignee reporter requester requestor manager supervisor director president chair chairman secretary "
    "treasurer candidate interviewer interviewee intern trainee host organizer organiser presenter speaker attendees "
    "participants user requestedby createdby approvedby preparedby checkedby salesperson rep handler keeper operator "
    "kunde kundin patientin versicherter versicherte versicherungsnehmer versicherungsnehmerin mieter mieterin "
    "vermieter vermieterin kaufer kauferin verkaufer inhaber inhaberin kontoinhaber kontoinhaberin karteninhaber "
    "halter "
    "fahrzeughalter fahrer fahrerin absender empfanger empfangerin ansprechpartner ansprechpartnerin zeuge zeugin "
    "klager klagerin beklagter beklagte antragsteller antragstellerin mandant mandantin arzt arztin hausarzt "
    "unterzeichner bewerber bewerberin sachbearbeiter sachbearbeiterin vorname nachname familienname geburtsname "
    "schuler "
    "schulerin vater mutter sohn tochter ehemann ehefrau notfallkontakt "
    "nom prenom nomprenom destinataire expediteur locataire proprietaire assure assuree titulaire beneficiaire "
    "patiente "
    "medecin demandeur defendeur temoin salarie salariee eleve etudiant conducteur passager signataire vendeur "
    "acheteur "
    "nombre nombres apellido apellidos paciente cliente asegurado asegurada titular beneficiario beneficiaria "
    "remitente "
    "destinatario inquilino inquilina arrendador arrendatario propietario propietaria demandante demandado testigo "
    "empleado empleada alumno alumna medico conductor pasajero comprador vendedor firmado solicitante "
    "nome cognome paziente intestatario intestataria assicurato assicurata mittente inquilina proprietario dipendente "
    "testimone conducente venditore acquirente avvocato medico studente richiedente "
    "naam voornaam achternaam patient klant verzekerde huurder huurster verhuurder eigenaar rekeninghouder afzender "
    "ontvanger werknemer getuige bestuurder koper verkoper huisarts leerling contactpersoon ondergetekende "
    "imie nazwisko pacjent pacjentka klient klientka nadawca odbiorca ubezpieczony ubezpieczona najemca wynajmujacy "
    "wlasciciel wlascicielka pracownik swiadek kierowca kupujacy sprzedajacy lekarz podatnik "
    "apelido segurado segurada remetente favorecido inquilino locador locatario proprietario funcionario funcionaria "
    "testemunha motorista passageiro requerente responsavel aluno aluna utente "
    "namn fornamn efternamn patienten kund mottagare avsandare hyresgast hyresvard agare forsakrad anstalld vittne "
    "forare kopare saljare lakare elev navn fornavn etternavn pasient kunde mottaker modtager avsender afsender "
    "leietaker "
    "utleier lejer udlejer eier ejer ansatt ansat vitne vidne forer kjoper kober selger saelger lege laege "
    "nimi etunimi sukunimi potilas asiakas vastaanottaja lahettaja vuokralainen vuokranantaja omistaja tyontekija "
    "todistaja kuljettaja ostaja myyja laakari oppilas hakija vakuutettu "
    "jmeno prijmeni pacientka zakaznik zakaznice prijemce odesilatel najemce pronajimatel majitel zamestnanec svedek "
    "ridic kupujici prodavajici lekar pojisteny zadatel zak");

// Labels before a place, "place of issue Paris", "City: Vigo".
const WordSet kPlaceLabels(
    "issue birth birthplace city town village county country state province region location hometown venue "
    "geburtsort wohnort ort stadt land ausstellungsort ville pays lieu commune ciudad pais lugar localidad municipio "
    "citta comune luogo paese cidade localidade naturalidade plaats woonplaats geboorteplaats stad miasto miejscowosc "
    "kraj ort stad fodelseort fodested by kaupunki syntymapaikka kotipaikka mesto obec narozeni zeme");

const WordSet kPrepositions(
    "in near via between outside around throughout across nach aus bei bis zwischen en dans vers chez entre desde "
    "hacia "
    "nel nella presso vicino tra fra naar uit nabij tussen w z do kolo pod em para perto i fran till nara mellan til "
    "fra "
    "naer mellem mellom ved v ve ze u u blizko");
// They stand before persons as often.
const WordSet kEither(
    "from to at and or of for by with von zu an a au de da di a van te och og ja und et y e "
    "od k ke po na pa om oder ou o eller tai nebo lub");

// Of those, with which somebody is meant rather than a town that is called so too.
const WordSet kForSomebody("for by with");
const WordSet kSomebody("for by with and or und et y e og och oder ou o eller tai nebo lub");

// Abbreviated or called so before a name, and no part of it.
const WordSet kTitles(
    "sen rep gov pt hon cllr amb supt insp sgt cpl pvt pfc adm cmdr cdr maj gen brig lt judge justice pan pani panie "
    "pana panu panem pane magistrate bishop archbishop baron baroness asiakas potilas kunde kundin kund "
    "klient klientka pacjent pacjentka pacient pacientka zakaznik arztin arzt tohtori rouva herra neiti froken hr bc "
    "mudr judr mgr ing phdr dipl doc prezident poslanec radca");

// Before a number they are no names: "Art. 15", "Tab 3", "Title IX".
const WordSet kSections(
    "art arts sec sect fig figs tab pat lic reg par abs kap ch chap cap vol ziff cl app appx anx ann "
    "sched ex exh bd nr nro no title pos rn rdnr anl tit cod ley dec lei dl kan gest pkt ust poz odst "
    "psm mom kohta stk nm pl dept apt apto unit room flat plot lot gate bay row seat exit max min");

const WordSet kNumbers("no nr nro num number nummer numero numer numéro nos nrs cislo c broj");

const WordSet kWeekdays(
    "mon tue tues wed thu thur thurs fri sat sun mo di mi do fr sa so lun mar mer jeu ven sam dim mie jue vie sab dom "
    "gio maa din woe don vri zat zon ma wo vr za zo seg ter qua qui sex pon wt sr czw pt sob ndz nie man tis ons tor "
    "fre "
    "lor son tir lor son ti ke to pe la su po ut st ct pa ne");
const WordSet kSureWeekdays("mon tue tues wed thu thur thurs fri czw ndz");
const WordSet kMonths(
    "jan feb mar apr may jun jul aug sep sept oct nov dec mrz maerz marz mai okt dez janv fevr avr juin juil aout dic "
    "ene abr ago set gen mag giu lug ott fev out mrt mei sty lut kwi maj cze lip sie wrz paz lis gru des tammi helmi "
    "led uno bre dub kve cer srp zar rij pro");

// Behind a passenger's name in a booking: "SMITH/JOHN MR".
const WordSet kBehind("mr mrs ms mstr miss chd inf");

// "Mr. President": nobody's name.
const WordSet kOffices(
    "president chairman chairwoman speaker secretary minister ambassador mayor prime vice justice prasident minister "
    "direktor presidente ministre ministro director directeur direttore");

const WordSet kSideOf(
    "north south east west central latin upper lower northern southern eastern western greater inner outer");

constexpr unsigned kPerson = kGiven | kSurname;
constexpr unsigned kAnyName = kGiven | kSurname | kPlace | kPlacePart;
constexpr unsigned kNobody = kCommon | kProper | kMonth | kWeekday | kOrganisation | kTitle | kFiller | kStreet;

bool is_name_shape(const Word& word) {
  return word.shape == Shape::capital || word.shape == Shape::mixed;
}

// "Fri, May 22", "Thu or Fri", "Jan and Feb", "Mon-Fri".
bool is_day_or_month(const Window& window) {
  const Word &word = window.word, &next = window.next;
  const bool day = kWeekdays.has(word.hash), month = !day && kMonths.has(word.hash);
  if (!day && !month) return false;
  if (kSureWeekdays.has(word.hash) && !(window.right == Gap::blank && (next.flags & kSurname) != 0)) return true;
  const Text& text = *window.text;
  std::size_t i = word.end + (text[word.end] == '.' || text[word.end] == ',');
  if (text[i] == ',') ++i;
  i += blank_at(text, i);
  if (is_digit(text[i])) return i > word.end + 1 || month;
  if (next.letters != 0 && next.shape != Shape::lower)
    return i > word.end &&
           ((next.flags & (kMonth | kWeekday)) != 0 || kMonths.has(next.hash) || kSureWeekdays.has(next.hash));
  return next.letters != 0 && next.letters <= 3 && window.right == Gap::blank &&
         (window.after_next == Gap::blank && [&] {
           const std::size_t n = blank_at(text, next.end);
           if (n == 0 || letter_at(text, next.end + n) == 0) return false;
           const Word last = word_at(text, next.end + n);
           return last.shape == Shape::capital && (day ? kWeekdays.has(last.hash) : kMonths.has(last.hash));
         }());
}

// "Art. 15", "Pat.-Nr. 12", "DEA Reg. No. 3", "Title IX", "Re: claim", "I'm".
bool is_label(const Window& window) {
  const Word& word = window.word;
  const Text& text = *window.text;
  const unsigned char after = text[word.end];
  if (word.letters == 2 && text[word.begin] == 'I' && word.shape == Shape::capital &&
      word.end - word.begin > 2)  // an apostrophe
    return true;
  static constexpr std::uint32_t kRe = hash_folded("re");
  if (word.hash == kRe && after == ':' && window.left != Gap::blank) return true;
  if (word.letters > 5) return false;
  std::size_t i = word.end;
  if (after == '.') ++i;
  if (text[i] == '-') {
    ++i;
  } else {
    i += blank_at(text, i);
  }
  if (i == word.end) return false;
  if (letter_at(text, i) != 0) {
    const Word next = word_at(text, i);
    if (after == '.' && kNumbers.has(next.hash)) return true;
    static constexpr std::uint32_t kTitle9 = hash_folded("title");
    return word.hash == kTitle9 && next.shape == Shape::upper;
  }
  return (is_digit(text[i]) || text[i] == '#') && kSections.has(word.hash);
}

// "Sen. Pruitt", "Judge Hayashi": the title is no part of the name.
bool is_title(const Window& window) {
  const Word& word = window.word;
  if (window.next.letters < 2 || window.next.shape == Shape::lower || (window.next.flags & kOrganisation) != 0)
    return false;
  if (window.right != Gap::blank && window.right != Gap::stop) return false;
  if (!kTitles.has(word.hash)) return false;
  return window.right == Gap::stop || word.letters > 3 || (word.flags & kPerson) == 0;
}

// "(Landlord)", "Partita": an ordinary word alone.
bool is_ordinary_alone(const Window& window) {
  const Word &word = window.word, &next = window.next;
  if ((word.flags & kCommon) == 0 || (word.flags & kAnyName) != 0) return false;
  const Context& now = *window.context;
  if (now.joined && (now.previous.flags & (kTitle | kGiven)) != 0 && now.previous.shape != Shape::lower)
    return kOffices.has(word.hash);
  const bool name_next = window.right == Gap::blank && next.letters > 1 && next.shape != Shape::lower;
  if (name_next) return (next.flags & (kCommon | kProper)) != 0 && (next.flags & kAnyName) == 0;
  return window.right != Gap::hyphen && window.right != Gap::genitive && window.right != Gap::comma;
}

// What nouns of Romance languages, German and Dutch end with, of which a lexicon of names knows nothing.
bool is_noun(const Text& text, const Word& word) {
  constexpr unsigned kLeast = 7;  // letters
  if (word.letters < kLeast || (word.flags & kAnyName) != 0) return false;
  static constexpr std::string_view kEnds[] = {
      "encia",  "ancia", "cion",  "sion", "miento", "amento", "dad",   "tad",  "zione",  "sione", "enza",
      "anza",   "tion",  "ement", "heid", "teit",   "dienst", "schap", "ung",  "heit",   "keit",  "schaft",
      "nummer", "karte", "cao",   "dade", "verbot", "age",    "isme",  "ista", "itaten", "ungen"};
  std::string folded;
  fold(text.part(word.begin, word.end), folded);
  return std::any_of(std::begin(kEnds), std::end(kEnds), [&](std::string_view end) { return folded.ends_with(end); });
}

// "Dear Landlord,", "Hi Everyone", "Yep, fine", "Donor: …", "Die Lieferung der Ware", "La Agencia".
bool is_nobody(const Window& window) {
  const Context& now = *window.context;
  const Word &word = window.word, &next = window.next;
  const bool person_next = window.right == Gap::blank && next.shape != Shape::lower && (next.flags & kPerson) != 0;
  if (now.sentence_start && now.previous.letters == 0 && (word.flags & kGiven) == 0 && !person_next &&
      (kOpeners.has(word.hash) || kGreetings.has(word.hash)))
    return true;
  if (window.right == Gap::colon && now.tag == Tag::none && (word.flags & kGiven) == 0 &&
      (kPersonLabels.has(word.hash) ||
       ((word.flags & kPerson) == 0 && next.shape == Shape::capital && (next.flags & (kGiven | kCommon)) == kGiven)))
    return true;
  if (window.left != Gap::blank || now.previous.letters == 0) return false;
  const std::uint32_t before = now.previous.hash;
  if (kGreetings.has(before) && !person_next && window.right != Gap::hyphen)
    return kCalled.has(word.hash) || (word.flags & (kCommon | kPerson)) == kCommon;
  if (now.previous.shape == Shape::lower && kArticles.has(before))
    return (word.flags & kGiven) == 0 && !person_next && (now.before_previous.roles & kNameParticle) == 0 &&
           (now.before_previous.flags & kTitle) == 0;
  return (kArticles.has(before) || kAnyArticles.has(before)) && is_noun(*window.text, word);
}

const WordSet kSays(
    "is bin heisse am llamo appelle chiamo soy suis sono ben heet chamo sou nazywam jestem "
    "heter hedder olen on jmenuji jsem ist est es e to m it");
const WordSet kWhoSays(
    "name names i ich i'm me m mi je j naam ik nome eu sie mam jag jeg nimeni mina imie jmeno "
    "this here speaking nom nombre namn navn moj mein se im hier");

// Whether the words before are of one who says a name: "my name is", "ich bin", "me llamo".
bool is_introduction(const Context& now) {
  if (now.previous.letters == 0 || now.previous.shape == Shape::upper) return false;
  static constexpr std::uint32_t kIm = hash_folded("im");
  if (now.previous.hash == kIm && now.previous.shape == Shape::capital) return true;
  return kSays.has(now.previous.hash) && kWhoSays.has(now.before_previous.hash);
}

// Whether one of the sets below may have the word: most names are in none.
class Suspects {
 public:
  bool has(std::uint32_t hash) const { return (bits_[hash % kBits / 64] >> hash % 64 & 1) != 0; }
  Suspects() {
    for (const WordSet* set : {&kSections, &kWeekdays, &kSureWeekdays, &kMonths, &kTitles, &kSideOf}) {
      for (const std::uint32_t hash : set->hashes()) bits_[hash % kBits / 64] |= std::uint64_t{1} << hash % 64;
    }
  }

 private:
  static constexpr std::uint32_t kBits = 8192;
  std::array<std::uint64_t, kBits / 64> bits_{};
};
const Suspects kSuspects;

Tag none_instead(const Window& window, bool goes_on, Tag chosen) {
  if (goes_on) {
    const Word& word = window.word;
    return word.shape == Shape::upper && word.letters <= 4 && window.context->previous.shape != Shape::upper &&
                   kBehind.has(word.hash)
               ? Tag::none
               : chosen;
  }
  if (chosen == Tag::person
          ? is_nobody(window)
          : (kArticles.has(window.context->previous.hash) || kAnyArticles.has(window.context->previous.hash)) &&
                is_noun(*window.text, window.word))
    return Tag::none;
  const unsigned char after = (*window.text)[window.word.end];
  if (!kSuspects.has(window.word.hash) && (window.word.flags & kCommon) == 0 && after != '.' && after != ':' &&
      window.word.letters != 2)
    return chosen;
  if (is_label(window) || is_day_or_month(window) || is_title(window) || is_ordinary_alone(window)) return Tag::none;
  if (kSideOf.has(window.word.hash) && window.right == Gap::blank && (window.next.flags & kProper) != 0)
    return Tag::none;  // "South African"
  return chosen;
}

// A place that the lexicon knows, of which the tagger thought otherwise.
bool is_place_here(const Window& window, Tag chosen) {
  const Context& now = *window.context;
  const Word &word = window.word, &next = window.next;
  const unsigned flags = word.flags;
  if ((flags & (kPlace | kState)) == 0 || (flags & (kProper | kMonth | kWeekday | kOrganisation)) != 0) return false;
  const bool name_next = window.right == Gap::blank && next.letters > 1 && next.shape != Shape::lower &&
                         (next.flags & (kPlace | kPlacePart | kState)) == 0;
  if (name_next || window.right == Gap::genitive) return false;
  const bool upper = word.shape == Shape::upper;
  if (upper && (word.letters > 4 || (flags & kPlace) == 0 || now.previous.shape == Shape::upper)) return false;
  if (!upper && word.shape != Shape::capital) return false;
  // "Bergamo, Iceland", "Tokyo, UK"
  if (now.tag == Tag::place && window.left == Gap::comma && (flags & kPlace) != 0) return true;
  if (window.left == Gap::blank) {
    if (kPrepositions.has(now.previous.hash) && now.previous.shape == Shape::lower) return !upper || flags != 0;
    static constexpr std::uint32_t kThe = hash_folded("the");
    if (upper && now.previous.hash == kThe) return kPrepositions.has(now.before_previous.hash);
    const bool either = now.previous.shape == Shape::lower && kEither.has(now.previous.hash);
    // "between Dallas and Jordan"
    if (either && now.before_tag == Tag::place) return true;
    const bool rather =
        (flags & kSurname) != 0 && kSomebody.has(now.previous.hash) &&
        (now.before_tag == Tag::person || kForSomebody.has(now.previous.hash));  // "a table for Yamaguchi"
    if (either && (upper || (flags & kGiven) == 0) && (flags & kCommon) == 0 && chosen == Tag::person && !rather)
      return true;
    if (either && upper) return true;
    static constexpr std::uint32_t kOf = hash_folded("of");
    if (either && now.previous.hash == kOf && (flags & (kPerson | kCommon)) == 0) return true;
    if (kPlaceLabels.has(now.previous.hash)) return true;
  }
  if (window.left == Gap::colon && kPlaceLabels.has(now.previous.hash)) return true;
  // "Lives: Arequipa, Peru"
  if (window.left == Gap::colon && window.right == Gap::comma && (flags & (kGiven | kCommon)) == 0 &&
      (next.flags & (kPlace | kPlacePart | kState)) != 0 && next.shape == Shape::capital &&
      (next.flags & (kGiven | kCommon)) == 0)
    return true;
  // "48167 Vigo"
  constexpr std::uint32_t kReach = 3;
  if (window.left == Gap::number && !upper && (flags & kCommon) == 0 && now.near(Cue::address, kReach)) return true;
  // "Paris, 27 December"
  const Text& text = *window.text;
  return !upper && now.sentence_start && now.previous.letters == 0 && (flags & kCommon) == 0 && text[word.end] == ',' &&
         text[word.end + 1] == ' ' && is_digit(text[word.end + 2]);
}

const WordSet kNamedFor("new lake port east west north south");
const WordSet kTogether("and und et y og och ja");
const WordSet kAsked("s is was did does has will ist war hat est es era e ha er ar");
const WordSet kAsking(
    "what where how who when why that it she he there here wo wer wie wann warum was sie es ou qui comment quand "
    "pourquoi donde quien como cuando dove chi come quando onde quem hvor hvem var vem");

// "Where is Anna?", "She's Anna's sister", "Notes: Anna to call".
bool is_asked_about(const Window& window) {
  const Context& now = *window.context;
  const bool goes_on = window.right == Gap::blank && window.next.shape == Shape::lower && window.next.letters > 1;
  if (window.left == Gap::colon) return goes_on;
  if (window.left != Gap::blank || !now.joined || !kAsked.has(now.previous.hash) ||
      now.previous.shape != Shape::lower || !kAsking.has(now.before_previous.hash))
    return false;
  static constexpr std::uint32_t kWhat = hash_folded("what");
  return goes_on || window.right == Gap::genitive ||
         (now.before_previous.hash != kWhat && (window.right == Gap::comma || window.right == Gap::other));
}

// "Marie-Laure", "Maj-Britt"
bool is_double(const Window& window) {
  const Word &word = window.word, &next = window.next;
  return window.right == Gap::hyphen && is_name_shape(word) && is_name_shape(next) && (word.flags & kGiven) != 0 &&
         (next.flags & (kGiven | kCommon)) == kGiven && (word.flags & next.flags & (kMonth | kPlace)) == 0;
}

// Somebody of whom the tagger did not think so.
bool is_person_here(const Window& window, bool goes_on, Tag chosen) {
  const Context& now = *window.context;
  const Word &word = window.word, &next = window.next;
  const Text& text = *window.text;
  const unsigned flags = word.flags;
  const bool known = (flags & kPerson) != 0;
  const bool place_only = (flags & (kPlace | kPlacePart)) != 0 && !known;
  const bool upper = word.shape == Shape::upper && word.letters > 2;
  if (goes_on && goes_on_vietnamese(now.before_previous, now.previous, word)) return true;
  if ((!is_name_shape(word) && !upper) || word.letters < 2 || word.cue != Cue::none) return false;
  if (!goes_on && (begins_korean(text, word) || is_double(window) || begins_vietnamese(text, word, next))) return true;
  if ((flags & (kProper | kMonth | kWeekday | kOrganisation)) != 0 || ((flags & kNobody) != 0 && !known)) return false;
  const bool name_next = window.right == Gap::blank && next.letters > 1 && next.shape != Shape::lower;
  if (goes_on) {
    // "Anderson Guimarães", "MEILING CHEUNG"
    if (chosen == Tag::place) return window.left == Gap::blank && (now.previous.flags & kGiven) != 0;
    return now.tag == Tag::person && (known || (flags == 0 && is_two_syllables(text, word))) &&
           (window.left == Gap::blank || (window.left == Gap::hyphen && (flags & kGiven) != 0)) &&
           (flags & kCommon) == 0;
  }
  if (chosen == Tag::place) {
    if (text[word.end] == '/' && !place_only && letter_at(text, word.end + 1) != 0) return true;  // "Nakagawa/Reiko"
    // "Isla Ramsden": a given name and a surname
    const bool town = now.near(Cue::address, 0) || next.shape != word.shape;
    if (!town && (flags & kGiven) != 0 && name_next && (next.flags & (kAnyName | kCommon | kNobody)) == kSurname)
      return true;
  }
  if (place_only) return false;
  if ((flags & (kGiven | kCommon | kPlace)) == kGiven && !upper && is_asked_about(window)) return true;
  if (window.left == Gap::blank && !upper) {
    // "Nordin and Guimarães"
    if (kTogether.has(now.previous.hash) && now.before_tag == Tag::person && now.joined &&
        ((chosen == Tag::place && (flags & kSurname) != 0) || (flags == 0 && look_of(text, word).person >= 3)))
      return true;
    static constexpr std::uint32_t kYou = hash_folded("you"), kThank = hash_folded("thank");
    const bool thanked = now.previous.hash == kYou && now.before_previous.hash == kThank;
    if (now.joined && (thanked || kGreetings.has(now.previous.hash)) && !kCalled.has(word.hash))
      return (known && (flags & kTitle) == 0) || flags == 0;
    if (is_introduction(now)) return known || (flags == 0 && (name_next || look_of(text, word).person >= 3));
  }
  // "Insured: KAORI ARAKAWA"
  if (window.left == Gap::colon && kPersonLabels.has(now.previous.hash))
    return (known && (flags & kCommon) == 0) || (flags == 0 && is_two_syllables(text, word)) ||
           (flags == 0 && look_of(text, word).person >= (name_next ? 2 : 4));
  if (text.before(word.begin, 1) == '@' && is_name_shape(word)) return known && (flags & kCommon) == 0;
  // "Haoran": made of syllables as Chinese given names are.
  if (flags == 0 && is_two_syllables(text, word))
    return !upper || (name_next && next.shape == Shape::upper && (next.flags & kSurname) != 0);
  // "Subramaniam Ahluwalia": two surnames and nothing else.
  if (!upper && name_next && flags == kSurname && next.flags == kSurname && next.shape == Shape::capital) return true;
  // "CHIYO FUJIWARA"
  return upper && name_next && next.shape == Shape::upper && (flags & kGiven) != 0 && (flags & kCommon) == 0 &&
         (next.flags & kSurname) != 0 && (next.flags & kNobody) == 0;
}

}  // namespace

bool is_preposition(const Context& now, const PastWord& word) {
  static constexpr std::uint32_t kThe = hash_folded("the");
  const PastWord& before = word.hash == kThe ? now.before_previous : word;
  return before.letters != 0 && before.shape == Shape::lower &&
         (kPrepositions.has(before.hash) || kEither.has(before.hash));
}

Tag tag_by_neighbours(const Window& window, Tag open, Tag chosen) {
  const Context& now = *window.context;
  const Word& word = window.word;
  const bool goes_on = now.joined && open == Tag::person;
  if (chosen != Tag::none && none_instead(window, goes_on, chosen) == Tag::none) return Tag::none;
  // "(D-Ohio)"
  if (window.left == Gap::hyphen && now.previous.shape == Shape::initial && (word.flags & (kState | kPlacePart)) != 0 &&
      chosen == Tag::person && window.text->before(word.begin, 3) == '(')
    return Tag::place;
  // "in Lake Travis", "from East Brooke"
  if (now.joined && open == Tag::place && chosen == Tag::person && kNamedFor.has(now.previous.hash)) return Tag::place;
  if (!goes_on && kNamedFor.has(word.hash) && word.shape == Shape::capital && window.right == Gap::blank &&
      window.next.shape == Shape::capital && (window.next.flags & (kGiven | kCommon)) == kGiven && now.joined &&
      is_preposition(now, now.previous) && !kSomebody.has(now.previous.hash))
    return Tag::place;
  // "Lower Saxony", "Northern Ireland"
  if (chosen != Tag::place && !goes_on && word.shape == Shape::capital && window.right == Gap::blank &&
      window.next.shape == Shape::capital && (window.next.flags & (kPlace | kState)) != 0 &&
      (window.next.flags & (kPerson | kCommon | kProper)) == 0 && kSideOf.has(word.hash))
    return Tag::place;
  if (chosen != Tag::place && !goes_on && is_place_here(window, chosen)) return Tag::place;
  if (chosen != Tag::person && is_person_here(window, goes_on, chosen)) return Tag::person;
  return chosen;
}

}  // namespace freehold::pii
