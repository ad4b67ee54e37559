#include "pii/phrases.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "pii/neighbours.h"
#include "pii/word_set.h"

namespace freehold::pii {
namespace {

// Folded words with a blank between, whatever signs the text has there; ';' between names.
constexpr std::string_view kFirms =
    "goldman sachs;morgan stanley;wells fargo;charles schwab;merrill lynch;lehman brothers;jp morgan;"
    "j p morgan;jpmorgan chase;chase bank;bank of america;capital one;american express;deutsche bank;"
    "deutsche telekom;deutsche post;deutsche bahn;credit suisse;societe generale;credit agricole;"
    "bnp paribas;julius baer;rothschild co;lloyds bank;lloyds banking;lloyds tsb;standard chartered;"
    "royal bank;barclays bank;virgin money;virgin media;virgin atlantic;santander bank;banco santander;"
    "la caixa;intesa sanpaolo;monte dei paschi;banca intesa;tata consultancy;tata motors;tata steel;"
    "tata sons;kotak mahindra;tech mahindra;larsen toubro;hero motocorp;bharti airtel;reliance jio;"
    "ernst young;johnson johnson;marks spencer;procter gamble;rolls royce;harley davidson;mercedes benz;"
    "aston martin;alfa romeo;land rover;range rover;general motors;general electric;general mills;"
    "ford motor;ford focus;ford fiesta;ford transit;ford mustang;pratt whitney;smith wesson;smith nephew;"
    "black decker;bang olufsen;dolce gabbana;tiffany co;barnes noble;bed bath;abercrombie fitch;"
    "crate barrel;dun bradstreet;standard poor;baker mckenzie;clifford chance;allen overy;jones day;"
    "latham watkins;kirkland ellis;booz allen;bain company;mckinsey company;boston consulting;"
    "arthur andersen;arthur d little;grant thornton;marsh mclennan;willis towers watson;aon hewitt;"
    "levi strauss;ralph lauren;calvin klein;tommy hilfiger;hugo boss;louis vuitton;yves saint laurent;"
    "jean paul gaultier;christian dior;pierre cardin;michael kors;kate spade;victoria s secret;"
    "jack wolfskin;tom tailor;ernsting s family;karl lagerfeld;marc o polo;jack daniels;jim beam;"
    "johnnie walker;captain morgan;ben jerry;dr pepper;dr oetker;uncle ben;aunt jemima;betty crocker;"
    "tim hortons;papa john;papa johns;trader joe;trader joes;estee lauder;elizabeth arden;"
    "helena rubinstein;max factor;procter and gamble;johnson and johnson;marks and spencer;ernst and young;"
    "kaiser permanente;mayo clinic;johns hopkins;cleveland clinic;blue cross;blue shield;red cross;"
    "red crescent;harvard pilgrim;lincoln financial;liberty mutual;northwestern mutual;mass mutual;"
    "thomson reuters;dow jones;berkshire hathaway;lockheed martin;northrop grumman;texas instruments;"
    "hewlett packard;dell technologies;john deere;briggs stratton;ingersoll rand;parker hannifin;"
    "thermo fisher;fisher scientific;becton dickinson;abbott laboratories;eli lilly;bristol myers;"
    "novo nordisk;roche diagnostics;boehringer ingelheim;fresenius kabi;siemens healthineers;b braun;"
    "grupo bimbo;grupo modelo;grupo carso;grupo santander;america movil;petroleo brasileiro;casas bahia;"
    "magazine luiza;mercado libre;mercado livre;el corte ingles;telefonica moviles;leroy merlin;"
    "yves rocher;saint gobain;air france;air canada;air india;british airways;delta air;delta airlines;"
    "virgin australia;singapore airlines;cathay pacific;turkish airlines;etihad airways;qatar airways;"
    "aer lingus;albert heijn;van lanschot;van gansewinkel;abn amro;ing bank;jan linders;douwe egberts;"
    "van houten;wm morrison;john lewis partnership;harvey nichols;harvey norman;fortnum mason;"
    "david jones ltd;jb hi fi;carl zeiss;robert bosch;thyssen krupp;heckler koch;giesecke devrient;"
    "kuehne nagel;kuhne nagel;db schenker;max planck;fraunhofer institut;konrad adenauer stiftung;"
    "friedrich ebert stiftung;stiftung warentest;manchester united;manchester city;real madrid;"
    "bayern munchen;bayern munich;borussia dortmund;fc barcelona;atletico madrid;inter milan;ac milan;"
    "juventus turin;tottenham hotspur;aston villa;boston celtics;los angeles lakers;dallas cowboys;"
    "new york yankees;new york times;washington post;wall street journal;los angeles times;financial times;"
    "daily mail;le monde;el pais;die zeit;la repubblica;harry potter;sherlock holmes;james bond;"
    "mickey mouse;donald duck;santa claus;captain america;super mario;uncle sam";

constexpr std::string_view kPlaces =
    "saudi arabia;british columbia;british virgin islands;kyrgyz republic;czech republic;dominican republic;slovak "
    "republic;central african republic;democratic republic of the congo;dr congo;republic of the congo;republic of "
    "ireland;republic of korea;south korea;north korea;south africa;south sudan;ivory coast;cote divoire;united arab "
    "emirates;united kingdom;united states;united states of america;great britain;new zealand;new caledonia;papua new "
    "guinea;equatorial guinea;guinea bissau;timor leste;east timor;sierra leone;costa rica;puerto rico;el salvador;"
    "burkina faso;cape verde;cabo verde;san marino;sri lanka;hong kong;north macedonia;vatican city;isle of man;isle "
    "of wight;cayman islands;faroe islands;falkland islands;marshall islands;solomon islands;virgin islands;cook "
    "islands;western sahara;french polynesia;french guiana;bosnia and herzegovina;trinidad and tobago;antigua and "
    "barbuda;saint kitts and nevis;st kitts and nevis;sao tome and principe;turks and caicos;tamil nadu;andhra "
    "pradesh;uttar pradesh;madhya pradesh;himachal pradesh;arunachal pradesh;west bengal;new south wales;south "
    "australia;western australia;northern territory;northwest territories;prince edward island;nova scotia;new "
    "brunswick;new hampshire;new jersey;new mexico;new york;north carolina;south carolina;north dakota;south dakota;"
    "west virginia;rhode island;district of columbia;newfoundland and labrador;inner mongolia;"
    "truth or consequences;coeur dalene;fond du lac;eau claire;medicine hat;moose jaw;sault ste marie;sault sainte "
    "marie;port st lucie;thunder bay;red deer;grande prairie;walla walla;wagga wagga;alice springs;broken hill;coffs "
    "harbour;hervey bay;port macquarie;byron bay;palmerston north;fort wayne;fort worth;fort collins;fort lauderdale;"
    "fort myers;fort smith;fort william;el paso;corpus christi;baton rouge;des moines;las vegas;las cruces;los "
    "angeles;san antonio;san diego;san francisco;san jose;san bernardino;san luis obispo;santa ana;santa barbara;"
    "santa cruz;santa fe;santa rosa;santa monica;st louis;st paul;st petersburg;st cloud;st albans;st helens;st "
    "gallen;st polten;salt lake city;oklahoma city;kansas city;jersey city;mexico city;guatemala city;panama city;"
    "kuwait city;quezon city;benin city;iowa city;sioux city;sioux falls;niagara falls;idaho falls;great falls;wichita "
    "falls;cedar rapids;grand rapids;rapid city;ann arbor;green bay;long beach;virginia beach;west palm beach;myrtle "
    "beach;daytona beach;palm springs;colorado springs;little rock;north platte;terre haute;la crosse;winston salem;"
    "milton keynes;kingston upon hull;newcastle upon tyne;stoke on trent;burton on trent;burton upon trent;weston "
    "super "
    "mare;stratford upon avon;berwick upon tweed;southend on sea;clacton on sea;henley on thames;walton on thames;"
    "kingston upon thames;richmond upon thames;barrow in furness;newcastle under lyme;ashton under lyne;stockton on "
    "tees;ashby de la zouch;bury st edmunds;king s lynn;merthyr tydfil;ebbw vale;tunbridge wells;royal tunbridge "
    "wells;hemel hempstead;high wycombe;leamington spa;east kilbride;great yarmouth;bognor regis;"
    "aix en provence;boulogne sur mer;boulogne billancourt;neuilly sur seine;vitry sur seine;chalon sur saone;chalons "
    "en champagne;brive la gaillarde;la roche sur yon;la rochelle;le havre;le mans;clermont ferrand;charleville "
    "mezieres;saint etienne;saint denis;saint malo;saint nazaire;saint tropez;fort de france;trois rivieres;"
    "frankfurt am main;frankfurt an der oder;offenbach am main;ludwigshafen am rhein;freiburg im breisgau;mulheim an "
    "der ruhr;brandenburg an der havel;rothenburg ob der tauber;castrop rauxel;garmisch partenkirchen;bad homburg;bad "
    "kreuznach;bad oeynhausen;bad reichenhall;wiener neustadt;den haag;den bosch;den helder;s hertogenbosch;bergen op "
    "zoom;alphen aan den rijn;capelle aan den ijssel;katwijk aan zee;"
    "sesto san giovanni;san giovanni rotondo;san benedetto del tronto;san donato milanese;busto arsizio;cinisello "
    "balsamo;reggio emilia;reggio calabria;la spezia;ascoli piceno;vitoria gasteiz;las palmas;las palmas de "
    "gran canaria;palma de mallorca;santiago de compostela;san sebastian;jerez de la frontera;alcala de henares;ciudad "
    "real;ciudad juarez;santa cruz de tenerife;a coruna;la coruna;castilla y leon;pais vasco;vila nova de gaia;viana "
    "do "
    "castelo;figueira da foz;castelo branco;vila real;rio de janeiro;sao paulo;sao bernardo do campo;sao jose dos "
    "campos;belo horizonte;porto alegre;ribeirao preto;juiz de fora;foz do iguacu;joao pessoa;rio grande do sul;rio "
    "grande do norte;minas gerais;mato grosso;mato grosso do sul;mar del plata;bahia blanca;buenos aires;vina del mar;"
    "la paz;san luis potosi;tuxtla gutierrez;santo domingo;san salvador;san pedro sula;port au prince;port of spain;"
    "zielona gora;bielsko biala;dabrowa gornicza;jelenia gora;nowy sacz;ruda slaska;gorzow wielkopolski;ceske "
    "budejovice;hradec kralove;usti nad labem;karlovy vary;mlada boleslav;frydek mistek;cesky krumlov;banska bystrica;"
    "addis ababa;dar es salaam;cape town;cape coast;port elizabeth;port harcourt;port louis;walvis bay;east london;"
    "pointe noire;bobo dioulasso;porto novo;tel aviv;tel aviv yafo;petah tikva;ras al khaimah;abu dhabi;al ain;new "
    "delhi;navi mumbai;kuala lumpur;johor bahru;kota kinabalu;bandar seri begawan;ho chi minh city;ho chi minh;phnom "
    "penh;siem reap;luang prabang;chiang mai;da nang;hai phong;can tho;nha trang;cox s bazar;mazar i sharif;"
    "baden wurttemberg;rheinland pfalz;schleswig holstein;mecklenburg vorpommern;sachsen anhalt;nordrhein westfalen;"
    "ile de france;nouvelle aquitaine;emilia romagna;noord holland;zuid holland;noord brabant;reino unido;estados "
    "unidos;paises bajos;royaume uni;pays bas;etats unis;regno unito;stati uniti;paesi bassi;verenigd koninkrijk;"
    "verenigde staten;arabia saudita;nueva zelanda;corea del sur;sudafrica norte;gran bretana;wielka brytania;stany "
    "zjednoczone;velka britanie;spojene staty;novi sad;novi pazar;novi beograd;banja luka;slavonski brod;stara "
    "zagora;veliko tarnovo;nova gorica;velika gorica;cluj napoca;targu mures;satu mare;baia mare;piatra neamt;nizhny "
    "novgorod;rostov on don;ivano frankivsk;bila tserkva;kryvyi rih";

constexpr std::size_t kMostWords = 6;

struct PhraseRow {
  std::array<std::uint32_t, kMostWords> hashes{};
  std::uint8_t count = 0;
  Tag tag = Tag::none;
};

struct PhraseTable {
  std::vector<PhraseRow> rows;  // by their first words, the longest first
  static constexpr std::uint32_t kBits = 8192;
  std::array<std::uint64_t, kBits / 64> bits{};

  bool may_begin(std::uint32_t hash) const { return (bits[hash % kBits / 64] >> hash % 64 & 1) != 0; }

  void add(std::string_view names, Tag tag) {
    while (!names.empty()) {
      const std::size_t end = std::min(names.find(';'), names.size());
      PhraseRow row{.tag = tag};
      for (std::string_view name = names.substr(0, end); !name.empty() && row.count < kMostWords;) {
        const std::size_t word = std::min(name.find(' '), name.size());
        row.hashes[row.count++] = hash_folded(name.substr(0, word));
        name.remove_prefix(std::min(word + 1, name.size()));
      }
      bits[row.hashes[0] % kBits / 64] |= std::uint64_t{1} << row.hashes[0] % 64;
      rows.push_back(row);
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }

  PhraseTable() {
    add(kFirms, Tag::none);
    add(kPlaces, Tag::place);
    std::stable_sort(rows.begin(), rows.end(), [](const PhraseRow& a, const PhraseRow& b) {
      return a.hashes[0] != b.hashes[0] ? a.hashes[0] < b.hashes[0] : a.count > b.count;
    });
  }
};

const PhraseTable kPhrases;

// The word after what may stand within a firm's or a place's name: a blank, " & ", " + ", a hyphen, an apostrophe, ".
// ". No letters: none.
Word word_within(const Text& text, std::size_t end) {
  std::size_t i = end;
  const unsigned char c = text[i];
  if (c == '-' || c == '\'') {
    ++i;
  } else if (c == 0xE2 && text[i + 1] == 0x80 && text[i + 2] == 0x99) {
    i += 3;
  } else {
    if (c == '.') ++i;
    std::size_t n = blank_at(text, i);
    if (n == 0 && c != '.' && c != '&') return {};
    i += n;
    if (text[i] == '&' || text[i] == '+') {
      ++i;
      if (text.has(i, "amp;")) i += 4;
      i += blank_at(text, i);
    }
  }
  return letter_at(text, i) != 0 ? word_at(text, i) : Word();
}

template <std::size_t N>
bool one_of(const std::array<std::uint32_t, N>& hashes, const PastWord& word) {
  return std::find(hashes.begin(), hashes.end(), word.hash) != hashes.end();
}

const WordSet kFirmForms(
    "ltd limited inc llc llp plc pllc corp gmbh ag kg kgaa ohg gbr ug ev mbh bv nv vof sarl sas sasu eurl "
    "sci srl spa snc ltda eireli aktiebolag aps asa oy oyj sro pty pvt pte bhd sdn spzoo incorporated "
    "corporation gesmbh holding holdings");
const WordSet kFirmTrades(
    "bank banking group gruppe groupe gruppo systems analytics logistics logistik technologies technology "
    "solutions services consulting consultancy consultants partners associates insurance versicherung "
    "assurance assurances seguros industries enterprises foods motors electronics pharmaceuticals pharma "
    "healthcare laboratories labs software media energy airlines airways freight university college school "
    "academy institute hospital clinic pharmacy foundation stiftung union supermarket widgets builders "
    "construction properties realty ventures capital investments financial securities trading studios "
    "publishing verlag telecom mobile bakery restaurant hotel hotels stores store supplies sparkasse "
    "volksbank krankenkasse savings elementary medical dental health credit");
const WordSet kFirmKin(
    "bros sons son co company sohne sohn fils figli hijos filhos zonen zoon partner partners associates "
    "brothers daughters synowie");
const WordSet kFirmAnd("and und et e y en i och og");

// What only a firm's name ends with.
bool is_legal_form(const Word& word) {
  static constexpr std::uint32_t kGmbh = hash_folded("gmbh"), kLtd = hash_folded("ltd");
  return word.shape != Shape::lower ? kFirmForms.has(word.hash) : word.hash == kGmbh || word.hash == kLtd;
}

// What firms, offices and schools are called, behind their name.
bool is_trade(const Word& word) {
  return word.shape != Shape::lower && kFirmTrades.has(word.hash);
}

// "& Sons", "und Söhne", "et Fils", "& Co".
bool is_kin(const Word& word) {
  return word.shape != Shape::lower && kFirmKin.has(word.hash);
}

bool is_and_between(const Word& word) {
  return word.shape == Shape::lower && kFirmAnd.has(word.hash);
}

// Bytes of the apostrophe at `i`, 0 if there is none.
std::size_t apostrophe(const Text& text, std::size_t i) {
  if (text[i] == '\'') return 1;
  return text[i] == 0xE2 && text[i + 1] == 0x80 && text[i + 2] == 0x99 ? 3 : 0;
}

bool is_capital_at(const Text& text, std::size_t i) {
  return letter_at(text, i) != 0 && word_at(text, i).shape != Shape::lower;
}

// "Dell'Acqua", "al-Ghamdi", "van 't Hoff": the end of the surname that `word` begins, 0 if it begins none.
std::size_t surname_at(const Text& text, const Word& word) {
  static constexpr auto kElided = std::to_array<std::uint32_t>(
      {hash_folded("dell"), hash_folded("dall"), hash_folded("nell"), hash_folded("degl"), hash_folded("sant")});
  static constexpr auto kArticles = std::to_array<std::uint32_t>(
      {hash_folded("al"), hash_folded("el"), hash_folded("as"), hash_folded("ash"), hash_folded("ad"),
       hash_folded("ar"), hash_folded("az"), hash_folded("at"), hash_folded("an"), hash_folded("bin"),
       hash_folded("ibn"), hash_folded("abu"), hash_folded("ul"), hash_folded("ait"), hash_folded("ould")});
  static constexpr auto kBefore = std::to_array<std::uint32_t>(
      {hash_folded("van"), hash_folded("in"), hash_folded("op"), hash_folded("aan"), hash_folded("uit")});
  if (word.letters > 4) return 0;
  std::size_t at = 0;
  if (word.shape != Shape::lower) {
    if (!one_of(kElided, word)) return 0;
    const std::size_t quote = apostrophe(text, word.end);
    at = quote != 0 ? word.end + quote : 0;
  } else if (text[word.end] == '-') {
    at = one_of(kArticles, word) && text.before(word.begin, 1) != '-' ? word.end + 1 : 0;
  } else if (text[word.end] == ' ' && one_of(kBefore, word)) {
    const std::size_t quote = apostrophe(text, word.end + 1);
    const std::size_t t = word.end + 1 + quote;
    at = quote != 0 && text[t] == 't' && text[t + 1] == ' ' ? t + 2 : 0;
  }
  return at != 0 && is_capital_at(text, at) ? word_at(text, at).end : 0;
}

// "U.S.", "U.K.", "U.S.A.", "U.A.E.": where the last letter ends, 0 if it is none.
std::size_t state_with_stops(const Text& text, const Word& word) {
  if (text[word.begin] != 'U' || text[word.end] != '.') return 0;
  std::size_t i = word.end + 1;
  const unsigned char second = text[i];
  if ((second != 'S' && second != 'K' && second != 'A') || text[i + 1] != '.') return 0;
  const unsigned char third = text[i + 2];
  if (text[i + 3] == '.' && ((second == 'S' && third == 'A') || (second == 'A' && third == 'E'))) return i + 3;
  return second == 'A' || is_alphanumeric(third) ? 0 : i + 1;
}

}  // namespace

bool may_begin_phrase(const Text& text, const Word& word) {
  if (word.shape != Shape::lower) return word.letters <= 4 || kPhrases.may_begin(word.hash);
  return word.letters <= 4 && (word.flags & kParticle) != 0 &&
         (text[word.end] == '-' || (text[word.end] == ' ' && apostrophe(text, word.end + 1) != 0));
}

Phrase phrase_at(const Text& text, const Context& now, const Word& word) {
  const PastWord& previous = now.previous;
  if (word.letters <= 4) {
    if (word.shape == Shape::initial) {
      const std::size_t end = state_with_stops(text, word);
      return end != 0 && (now.tag == Tag::place || is_preposition(now, previous)) ? Phrase{end, Tag::place} : Phrase();
    }
    if (const std::size_t end = surname_at(text, word); end != 0) return {end, Tag::person};
  }
  if (word.shape == Shape::lower) return {};
  const PhraseTable& known = kPhrases;
  if (!known.may_begin(word.hash)) return {};
  const auto [first, last] =
      std::equal_range(known.rows.begin(), known.rows.end(), PhraseRow{.hashes = {word.hash}},
                       [](const PhraseRow& a, const PhraseRow& b) { return a.hashes[0] < b.hashes[0]; });
  for (auto row = first; row != last; ++row) {
    Word at = word;
    std::uint8_t matched = 1;
    bool capital = false;
    for (; matched < row->count; ++matched) {
      at = word_within(text, at.end);
      if (at.letters == 0 || at.hash != row->hashes[matched]) break;
      capital = capital || at.shape != Shape::lower;
    }
    if (matched != row->count || !capital) continue;
    // "Maria Santa Cruz", "Mr. Jack Jones": somebody is called so.
    if (row->tag == Tag::none && (previous.flags & (kTitle | kGiven)) != 0 && previous.shape != Shape::lower) return {};
    return {at.end, row->tag};
  }
  return {};
}

std::size_t firm_at(const Text& text, const PastWord& previous, const Word& word, Tag tag) {
  constexpr int kMost = 5;  // words behind the first
  if ((previous.flags & kTitle) != 0 && previous.letters != 0) return 0;
  if (text[word.end] == ' ' && text[word.end + 1] >= 'a' && text[word.end + 1] <= 'z') {
    static constexpr std::string_view kBegins = "auegloyi";  // "and", "gmbh", …
    if (kBegins.find(static_cast<char>(text[word.end + 1])) == std::string_view::npos) return 0;
  }
  Word at = word, before = word;
  bool joined = false;  // an "&" or "and" went by
  for (int words = 0; words < kMost; ++words) {
    const unsigned char sign = text[at.end];
    Word next;
    if (sign == ',') {  // "Harper, Lowe and Sons", "Acme, Inc."
      const std::size_t n = blank_at(text, at.end + 1);
      if (n == 0 || letter_at(text, at.end + 1 + n) == 0) return 0;
      next = word_at(text, at.end + 1 + n);
      if (!is_legal_form(next) || (next.flags & kState) != 0) {  // "Lubbock, NV"
        if (words > 0 || next.shape != Shape::capital) return 0;
        const Word und = word_within(text, next.end);
        if (!is_and_between(und) && text[next.end + 1] != '&') return 0;
        const Word kin = is_and_between(und) ? word_within(text, und.end) : und;
        return is_kin(kin) ? kin.end : 0;
      }
    } else {
      const std::size_t blank = blank_at(text, at.end);
      joined = joined || (blank != 0 && (text[at.end + blank] == '&' || text[at.end + blank] == '+'));
      if (sign == '.' && at.letters > 1 && !is_kin(at)) return 0;  // "Harper Bros. Ltd"
      next = word_within(text, at.end);
    }
    if (next.letters == 0) return 0;
    if (is_legal_form(next)) return next.end;
    if (is_and_between(next)) {
      const Word kin = word_within(text, next.end);
      if (!is_kin(kin)) return 0;
      return kin.end;
    }
    if (joined && is_kin(next)) return next.end;
    // "Ainsworth & Tuckett"
    constexpr unsigned kPerson = kGiven | kSurname;
    if (joined && words == 0 && (word.flags & kPerson) == kSurname && (next.flags & kPerson) == kSurname)
      return next.end;
    if (next.shape == Shape::lower) return 0;
    if (is_trade(next)) {
      // "Anna Weber Consulting" may be hers, and "Denver Hospital" is where it says.
      const bool person = words >= 1 && (word.flags & kGiven) != 0 && (before.flags & kSurname) != 0 && !joined;
      const bool town = (word.flags & kPlace) != 0 && tag == Tag::place && (word.flags & (kGiven | kSurname)) == 0;
      return person || town ? 0 : next.end;
    }
    before = at = next;
  }
  return 0;
}

}  // namespace freehold::pii
