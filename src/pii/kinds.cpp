#include "pii/kinds.h"

#include <array>

namespace freehold::pii {
namespace {

constexpr std::array<KindInfo, kKinds> kKindTable = {{
    {Kind::person, "person", Group::name, 'A', "name of a person"},
    {Kind::place, "place", Group::place, 'B', "city, region or country"},
    {Kind::address, "address", Group::place, 'B', "street and house number, post office box"},
    {Kind::postcode, "postcode", Group::place, 'B', "ZIP or postal code"},
    {Kind::date, "date", Group::time, 'C', "date more exact than a year"},
    {Kind::birth_date, "birth_date", Group::time, 'C', "date near words of birth"},
    {Kind::age, "age", Group::time, 'C', "age over 89"},
    {Kind::phone, "phone", Group::contact, 'D', "telephone or fax number"},
    {Kind::email, "email", Group::contact, 'F', "e-mail address"},
    {Kind::url, "url", Group::contact, 'N', "web address"},
    {Kind::ip, "ip", Group::contact, 'O', "IPv4 or IPv6 address"},
    {Kind::mac, "mac", Group::identifier, 'M', "hardware address of a network card"},
    {Kind::card, "card", Group::financial, 'J', "payment card number"},
    {Kind::iban, "iban", Group::financial, 'J', "international bank account number"},
    {Kind::bank_account, "bank_account", Group::financial, 'J', "account number, by context"},
    {Kind::routing_number, "routing_number", Group::financial, 'J', "ABA routing number, by context"},
    {Kind::crypto_wallet, "crypto_wallet", Group::financial, 'J', "Bitcoin or Ethereum address"},
    {Kind::us_ssn, "us_ssn", Group::national, 'G', "US social security number"},
    {Kind::us_itin, "us_itin", Group::national, 'G', "US individual taxpayer number"},
    {Kind::uk_nhs, "uk_nhs", Group::national, 'I', "NHS number (England, Wales)"},
    {Kind::uk_nino, "uk_nino", Group::national, 'G', "UK national insurance number"},
    {Kind::de_tax_id, "de_tax_id", Group::national, 'R', "German tax id (Steuer-IdNr.)"},
    {Kind::fr_nir, "fr_nir", Group::national, 'G', "French social security number (NIR)"},
    {Kind::es_dni, "es_dni", Group::national, 'R', "Spanish DNI"},
    {Kind::es_nie, "es_nie", Group::national, 'R', "Spanish NIE"},
    {Kind::it_codice_fiscale, "it_codice_fiscale", Group::national, 'R', "Italian codice fiscale"},
    {Kind::nl_bsn, "nl_bsn", Group::national, 'R', "Dutch citizen service number"},
    {Kind::pl_pesel, "pl_pesel", Group::national, 'R', "Polish PESEL"},
    {Kind::be_national_number, "be_national_number", Group::national, 'R', "Belgian national register number"},
    {Kind::pt_nif, "pt_nif", Group::national, 'R', "Portuguese NIF"},
    {Kind::se_personnummer, "se_personnummer", Group::national, 'R', "Swedish personal identity number"},
    {Kind::fi_hetu, "fi_hetu", Group::national, 'R', "Finnish personal identity code"},
    {Kind::dk_cpr, "dk_cpr", Group::national, 'R', "Danish CPR number"},
    {Kind::no_fodselsnummer, "no_fodselsnummer", Group::national, 'R', "Norwegian birth number"},
    {Kind::ch_ahv, "ch_ahv", Group::national, 'G', "Swiss AHV number"},
    {Kind::at_svnr, "at_svnr", Group::national, 'G', "Austrian social insurance number"},
    {Kind::ie_pps, "ie_pps", Group::national, 'R', "Irish PPS number"},
    {Kind::cz_rodne_cislo, "cz_rodne_cislo", Group::national, 'R', "Czech or Slovak birth number"},
    {Kind::ro_cnp, "ro_cnp", Group::national, 'R', "Romanian CNP"},
    {Kind::bg_egn, "bg_egn", Group::national, 'R', "Bulgarian EGN"},
    {Kind::hr_oib, "hr_oib", Group::national, 'R', "Croatian OIB"},
    {Kind::ee_isikukood, "ee_isikukood", Group::national, 'R', "Estonian or Lithuanian personal code"},
    {Kind::gr_amka, "gr_amka", Group::national, 'G', "Greek AMKA"},
    {Kind::tr_kimlik, "tr_kimlik", Group::national, 'R', "Turkish identity number"},
    {Kind::br_cpf, "br_cpf", Group::national, 'R', "Brazilian CPF"},
    {Kind::br_cnpj, "br_cnpj", Group::national, 'R', "Brazilian CNPJ"},
    {Kind::mx_curp, "mx_curp", Group::national, 'R', "Mexican CURP"},
    {Kind::cl_rut, "cl_rut", Group::national, 'R', "Chilean RUT"},
    {Kind::ar_cuit, "ar_cuit", Group::national, 'R', "Argentine CUIT or CUIL"},
    {Kind::ca_sin, "ca_sin", Group::national, 'G', "Canadian social insurance number"},
    {Kind::in_aadhaar, "in_aadhaar", Group::national, 'R', "Indian Aadhaar number"},
    {Kind::in_pan, "in_pan", Group::national, 'R', "Indian PAN"},
    {Kind::cn_resident_id, "cn_resident_id", Group::national, 'R', "Chinese resident identity number"},
    {Kind::kr_rrn, "kr_rrn", Group::national, 'R', "South Korean resident registration number"},
    {Kind::sg_nric, "sg_nric", Group::national, 'R', "Singaporean NRIC or FIN"},
    {Kind::il_id, "il_id", Group::national, 'R', "Israeli identity number"},
    {Kind::za_id, "za_id", Group::national, 'R', "South African identity number"},
    {Kind::au_tfn, "au_tfn", Group::national, 'R', "Australian tax file number"},
    {Kind::au_medicare, "au_medicare", Group::national, 'I', "Australian Medicare number"},
    {Kind::nz_ird, "nz_ird", Group::national, 'R', "New Zealand IRD number"},
    {Kind::us_npi, "us_npi", Group::medical, 'K', "US national provider identifier, by context"},
    {Kind::us_dea, "us_dea", Group::medical, 'K', "US DEA registration number"},
    {Kind::passport, "passport", Group::national, 'R', "passport number, by context"},
    {Kind::licence, "licence", Group::identifier, 'K', "driving, professional or other licence, by context"},
    {Kind::medical_record, "medical_record", Group::medical, 'H', "medical record or patient number, by context"},
    {Kind::health_plan, "health_plan", Group::medical, 'I', "health plan or insurance number, by context"},
    {Kind::plate, "plate", Group::identifier, 'L', "licence plate, by context"},
    {Kind::vin, "vin", Group::identifier, 'L', "vehicle identification number"},
    {Kind::device_id, "device_id", Group::identifier, 'M', "serial number, IMEI, by context"},
    {Kind::other_id, "other_id", Group::identifier, 'R', "other number of a person, by context"},
    {Kind::private_key, "private_key", Group::secret, '-', "PEM block of a private key"},
    {Kind::api_key, "api_key", Group::secret, '-', "key or token with a known prefix"},
    {Kind::jwt, "jwt", Group::secret, '-', "JSON web token"},
    {Kind::password, "password", Group::secret, '-', "password, by context"},
    {Kind::secret, "secret", Group::secret, '-', "random text near words such as secret"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (static_cast<std::size_t>(kKindTable[i].kind) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table is indexed by Kind");

}  // namespace

const KindInfo& info(Kind kind) {
  return kKindTable[static_cast<std::size_t>(kind)];
}

std::span<const KindInfo> all_kinds() {
  return kKindTable;
}

std::optional<Kind> kind_from_name(std::string_view name) {
  for (const KindInfo& row : kKindTable) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

std::string_view name_of(Profile profile) {
  return profile == Profile::hipaa ? "hipaa" : profile == Profile::gdpr ? "gdpr" : "secrets";
}

std::optional<Profile> profile_from_name(std::string_view name) {
  if (name == "hipaa") return Profile::hipaa;
  if (name == "gdpr") return Profile::gdpr;
  if (name == "secrets") return Profile::secrets;
  return std::nullopt;
}

bool takes(Profile profile, Kind kind) {
  const Group group = info(kind).group;
  switch (profile) {
    case Profile::hipaa:
      return true;
    case Profile::gdpr:
      return kind != Kind::date && kind != Kind::age;  // of themselves they tell of nobody
    case Profile::secrets:
      return group == Group::secret;
  }
  return false;
}

int threshold(Profile profile) {
  return profile == Profile::hipaa ? 35 : 50;
}

}  // namespace freehold::pii
