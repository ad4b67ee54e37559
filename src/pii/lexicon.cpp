#include "pii/lexicon.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/check.h"
#include "pii/shipped.h"
#include "pii/word.h"

namespace freehold::pii {
namespace {

struct WordList {
  std::uint16_t flag;
  std::string_view words;  // folded, one blank between
};

constexpr WordList kLists[] = {
    {kTitle,
     "mr mrs ms miss mister dr doctor prof professor sir madam lady lord herr frau monsieur madame mme mlle sr sra "
     "srta senor senora senorita signor signora "
     "sig sigra dra drs mw hr signorina dott dottore ing don dona dhr mevrouw meneer mevr pan pani panie pana pane drs "
     "herrn fru captain "
     "capt colonel col sergeant "
     "sgt lieutenant lt major maj general officer "
     "detective judge justice senator president minister chancellor governor mayor rev reverend father sister brother "
     "pastor rabbi imam sheikh uncle aunt auntie "
     "messrs mmes herren eheleute nurse coach attorney esq dean principal secretary chairman chairwoman ceo cfo cto "
     "director manager patient "
     "client customer employee"},
    {kMonth,
     "january february march april may june july august september october november december jan feb mar apr jun jul "
     "aug sep sept oct nov dec "
     "januar februar marz maerz mai juni juli oktober dezember janvier fevrier mars avril juin juillet aout septembre "
     "octobre novembre decembre "
     "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio aprile "
     "maggio giugno luglio settembre ottobre dicembre "
     "janeiro fevereiro marco maio junho julho setembro outubro dezembro januari februari maart mei augustus stycznia "
     "lutego marca kwietnia maja czerwca lipca sierpnia "
     "wrzesnia pazdziernika listopada grudnia maj augusti toukokuuta kesakuuta"},
    {kStreet,
     "street st avenue ave av road rd boulevard blvd lane ln drive dr court ct way place pl square sq terrace ter "
     "parkway pkwy highway hwy circle cir trail trl "
     "alley crescent close gardens grove mews row walk hill park plaza loop pike path view heights crossing bridge "
     "estate estates light lights branch brook brooks burg "
     "burgs bypass camp canyon cape causeway center centers cliff cliffs club common commons corner corners course "
     "courts cove coves creek crest crossroad curve dale dam "
     "divide drives expressway extension extensions fall falls ferry field fields flat flats ford fords forest forge "
     "forges fork forks fort freeway garden gateway glen "
     "glens green greens groves harbor harbors haven hills hollow inlet island islands isle junction junctions key "
     "keys knoll knolls lake lakes land landing loaf lock locks "
     "lodge mall manor manors meadow meadows mill mills mission motorway mount mountain mountains neck orchard oval "
     "overpass parks parkways parks pass passage pine pines "
     "plain plains plazas point points port ports prairie radial ramp ranch rapid rapids rest ridge ridges river roads "
     "route rue run shoal shoals shore shores skyway spring "
     "springs spur spurs squares station stravenue stream streets summit throughway trace track trafficway tunnel "
     "turnpike underpass union unions valley valleys via viaduct "
     "views village villages ville vista walks wall ways well wells parade quay esplanade wharf rise boulevarde "
     "broadway salai marg nagar gata gatan"},
    {kStreetFirst,
     "rue calle via avenida avda avenue boulevard chemin impasse allee quai place plaza paseo carrera viale piazza "
     "corso rua av travessa ulica ul strada am an unter im zum zur auf bd cours ronda glorieta largo praca lungarno "
     "vicolo vico salita "
     "contrada camino callejon pasaje travesia carretera alameda rambla arrabal riera route sentier square cite "
     "passage "
     "esplanade faubourg chaussee estrada rodovia beco aleja plac osiedle os sokak caddesi jalan"},
    {kState,
     "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois "
     "indiana iowa kansas kentucky louisiana maine maryland "
     "massachusetts michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania "
     "tennessee texas utah vermont virginia washington "
     "wisconsin wyoming al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm "
     "ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi "
     "wy dc pr aa ae ap gu vi hampshire jersey mexico york carolina dakota island"},
    {kParticle,
     "de la le del della di da do dos das du van von der den ter ten ben bin ibn al el zu zur und y e af av nad pod "
     "sur "
     "les des sous in upon an am im es ob bei aan"},
    {kOrganisation,
     "inc ltd llc gmbh corp corporation company co ag sa plc bv oy ab spa srl university college institute school "
     "hospital clinic bank department ministry agency group "
     "association foundation committee council church museum library hotel airlines systems software technologies labs "
     "press journal society union party team club "
     "solutions services partners holdings industries international federation court congress parliament senate "
     "commission"},
    {kWeekday,
     "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag "
     "sonntag lundi mardi mercredi jeudi vendredi samedi "
     "dimanche lunes martes miercoles jueves viernes sabado domingo"},
    // Ordinary words that books of a hundred years ago lack, and the first words of sentences in other languages.
    {kCommon,
     "readme changelog makefile todo analyst plaintiff defendant engineer consultant accountant passenger applicant "
     "tenant landlord beneficiary app "
     "apps login email website webpage online user users "
     "onboarding analytics furthermore additionally moreover download upload settings dashboard software hardware "
     "internet web video mobile wifi wi fi blog podcast startup "
     "browser database server backup update upgrade password username laptop smartphone tablet teamwork customize "
     "personalize optimize monthly weekly yearly daily browse intro "
     "connectivity integration integrations workflow workflows feedback marketing branding pricing checkout faq faqs "
     "ceo hr api notes overview summary assessment vitals "
     "medication medications diagnosis allergies discharge inpatient outpatient insured claimant payer invoice "
     "signature appendix "
     "ik soy sono guten tag hallo hola bonjour ciao ich je wir sie er es bitte danke sehr geehrte geehrter liebe "
     "lieber ein eine mein meine il lo le les un une mi mio "
     "nous vous il elle jag jeg min vi het een wij hij zij ola eu ele ela nos dzien dobry czesc merhaba buenos buenas "
     "dias tardes gentile egregio caro cara chere cher "
     "estimado estimada querido querida beste hej hei moi betreff objet asunto oggetto kennzeichen telefon adresse "
     "firma rue strasse gruss grusse viele mit freundlichen salut "
     "merci gracias grazie obrigado obrigada dank tack takk kiitos"},
    {kPlace, "uk usa uae"},
    // Given names that are more often something else.
    {kGiven, "will hope joy dawn ivy iris daisy violet pearl amber melody"},
    // Products, and what programs are written with.
    {kProper,
     "android iphone ipad macbook windows linux ubuntu debian chrome firefox safari gmail outlook excel powerpoint "
     "photoshop youtube whatsapp facebook instagram twitter linkedin tiktok netflix spotify paypal alexa siri chatgpt "
     "playstation xbox bluetooth javascript typescript python kubernetes docker postgres postgresql mysql sqlite redis "
     "kafka github gitlab jira slack zoom salesforce"},
    // What is given to the sick.
    {kProper,
     "metformin lisinopril ibuprofen aspirin paracetamol acetaminophen amoxicillin penicillin atorvastatin simvastatin "
     "omeprazole omeprazol pantoprazole pantoprazol metoprolol bisoprolol atenolol ramipril enalapril amlodipine "
     "amlodipin losartan valsartan candesartan gabapentin pregabalin sertraline citalopram escitalopram fluoxetine "
     "diazepam lorazepam alprazolam morphine morphin tramadol oxycodone fentanyl warfarin heparin apixaban rivaroxaban "
     "clopidogrel insulin prednisone prednisolon levothyroxine thyroxin albuterol salbutamol azithromycin doxycycline "
     "ciprofloxacin naproxen diclofenac tylenol advil lipitor zoloft xanax novalgin voltaren hydrochlorothiazide "
     "furosemide torasemid spironolactone digoxin allopurinol methotrexate tamoxifen quetiapine olanzapine risperidone "
     "lithium cetirizine loratadine ranitidine famotidine ondansetron viagra ozempic humira keytruda botox"},
    {kCommon,
     "herz leber niere nieren lunge magen darm milz galle schilddruse gehirn haut knie hufte schulter rucken "
     "wirbelsaule liver kidney kidneys lungs spleen thyroid pancreas abdomen foie rein coeur higado rinon corazon "
     "fegato cuore polmone rene"},
    {kFiller,
     "number no nr num numero nummer numer is was are be the a an of my his her your our their for to on at as with by "
     "in id code ending and it its this that following et "
     "de la le el del della e y ist lautet mein meine die der das den und est mon ma es mi mio mia il lo o os um uma "
     "het een mijn van min mitt er on jest to moj meu minha "
     "numarasi numaram numaraniz numeru bearing see please provided current new valid td th tr dd dt div span strong "
     "nbsp"},
};

// Words for a number behind what it is of ("client no"), and before it ("numero client"). '#' and U+2116 count as
// "number" (scanner.cpp).
constexpr std::string_view kNumberBehind[] = {" number", " no",  " nr",   " num", " nbr",      " id",
                                              " nummer", " ref", " code", " n",   " n\xC2\xBA"};
constexpr std::string_view kNumberBefore[] = {"numero ", "no ",    "n ", "n\xC2\xBA ", "num ",    "nr ",
                                              "numer ",  "cislo ", "c ", "codice ",    "codigo ", "code "};

struct RoleList {
  WordRole role;
  std::string_view words;
};

constexpr RoleList kRoles[] = {
    {kAnd, "und y e"},
    {kNameParticle, "van von bin ibn der den ter ten ben"},
    {kCapitalParticle,
     "al el abu abd ben bin ibn mac van von de den der di da do dos del della la le las los ter ten st o ni nic du des "
     "san santa zu"},
    {kFormOfAddress,
     "messrs mmes herren eheleute mr mrs ms mister dr herr herrn frau monsieur madame mme mlle sra srta senora senor "
     "senhor senhora signor signora "
     "dott dottssa sig sigra dhr mevrouw meneer mevr fru prof madam pani doktor doctora mw"},
    {kUserWord, "user benutzer usuario utilisateur utente gebruiker"},
};

std::uint16_t flag_of(char letter) {
  switch (letter) {
    case 'g':
      return kGiven;
    case 's':
      return kSurname;
    case 'p':
      return kPlace;
    case 'q':
      return kPlacePart;
    case 'c':
      return kCommon;
    default:
      return kProper;
  }
}

}  // namespace

Lexicon::Entry& Lexicon::slot(std::uint32_t hash) {
  std::uint32_t at = hash * 0x9E3779B1u >> kShift;
  while (table_[at].hash != hash && table_[at].hash != 0) at = (at + 1) & kMask;
  table_[at].hash = hash;
  return table_[at];
}

void Lexicon::add_cue(std::uint32_t hash, Cue cue) {
  const std::uint32_t bit = hash * 0x9E3779B1u >> kBitShift;
  cue_bits_[bit / 64] |= std::uint64_t{1} << bit % 64;
  std::uint32_t at = hash * 0x9E3779B1u >> kCueShift;
  while (cues_[at].hash != 0) at = (at + 1) & kCueMask;
  cues_[at] = {hash, cue};
}

std::uint8_t Lexicon::role_set(unsigned roles) {
  const auto at = std::find(role_sets_.begin(), role_sets_.end(), roles);
  const auto set = static_cast<std::size_t>(at - role_sets_.begin());
  if (at == role_sets_.end()) role_sets_.push_back(static_cast<std::uint16_t>(roles));
  FH_CHECK(set < 256, "a word has few roles, of lists in this file");
  return static_cast<std::uint8_t>(set);
}

void Lexicon::add_words(std::string_view words, std::uint16_t flag, std::uint16_t role) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0) {
      Entry& entry = slot(hash_folded(words.substr(0, end)));
      entry.flags |= flag;
      if (role != 0) entry.roles = role_set(role_sets_[entry.roles] | role);
    }
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

// As programs and German write them: "passportNumber", "SocialSecurity", "Reisepassnummer".
void Lexicon::add_compounds(std::string_view phrase, Cue cue) {
  const std::size_t blank = phrase.find(' ');
  const std::string_view first = phrase.substr(0, blank);
  const std::string_view second = blank == std::string_view::npos ? std::string_view() : phrase.substr(blank + 1);
  std::string compound;
  fold(first, compound);
  fold(second, compound);
  if (first.size() < 3 || (!second.empty() && second.size() < 3)) return;  // too short: they are other words
  auto add = [&](const std::string& word) {
    const std::uint32_t hash = hash_folded(word);
    if (slot(hash).flags != 0) return;  // a word of its own
    add_cue(hash, cue);
    slot(hash).cue = cue;
  };
  if (!second.empty()) add(compound);
  // What is done, and what programs count: "callNumber", "textno", "deviceNumber".
  static constexpr std::string_view kAlone[] = {"call",  "calls", "called", "calling", "dial", "ring",
                                                "reach", "text",  "signal", "device",  "run"};
  if (std::find(std::begin(kAlone), std::end(kAlone), compound) != std::end(kAlone)) return;
  if (compound.ends_with("number") || compound.ends_with("nummer") || compound.size() < 3) return;
  for (const char* end : {"number", "nummer", "no", "nr", "num"}) add(compound + end);
}

// A phrase of one or two words, "client number" or "login".
void Lexicon::add_phrase(std::string_view phrase, Cue cue) {
  std::uint32_t hashes[2] = {0, 0};
  std::size_t count = 0;
  for (std::string_view rest = phrase; !rest.empty() && count < 2;) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    std::string folded;
    fold(rest.substr(0, end), folded);
    hashes[count++] = hash_folded(folded);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  add_cue(count == 2 ? pair(hashes[0], hashes[1]) : hashes[0], cue);
  // The last word of a cue is marked in the big table: only there is it worth looking for cues.
  slot(hashes[count - 1]).cue = cue;
}

Lexicon::Lexicon() : table_(kMask + 1), cues_(kCueMask + 1) {
  std::string_view lines = shipped_lexicon();
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    const std::size_t blank = line.find(' ');
    FH_CHECK(blank != std::string_view::npos, "tools/pii/make_lexicon.py writes a word and its letters in every line");
    Entry& entry = slot(hash_folded(line.substr(0, blank)));
    for (const char letter : line.substr(blank + 1)) entry.flags |= flag_of(letter);
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  for (const WordList& list : kLists) add_words(list.words, list.flag);
  for (const RoleList& list : kRoles) add_words(list.words, 0, list.role);
  for (const CueWords& row : cue_words()) {
    std::string_view rest = row.words;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view phrase = rest.substr(0, end);
      if (phrase.ends_with('+')) {
        for (const std::string_view number : kNumberBehind)
          add_phrase(std::string(phrase.substr(0, phrase.size() - 1)).append(number), row.cue);
      } else if (phrase.starts_with('+')) {
        for (const std::string_view number : kNumberBefore)
          add_phrase(std::string(number).append(phrase.substr(1)), row.cue);
      } else {
        add_phrase(phrase, row.cue);
        static constexpr Cue kWordsOnly[] = {Cue::pass, Cue::vehicle, Cue::use, Cue::given, Cue::code, Cue::member};
        if (std::find(std::begin(kWordsOnly), std::end(kWordsOnly), row.cue) == std::end(kWordsOnly))
          add_compounds(phrase, row.cue);
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

}  // namespace freehold::pii
