// The kinds of personal data that are looked for, as a table: names in reports, Safe Harbor's letter, what a profile
// takes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace freehold::pii {

enum class Kind : std::uint8_t {
  person,
  place,
  address,
  postcode,
  date,
  birth_date,
  age,
  phone,
  email,
  url,
  ip,
  mac,
  card,
  iban,
  bank_account,
  routing_number,
  crypto_wallet,
  us_ssn,
  us_itin,
  uk_nhs,
  uk_nino,
  de_tax_id,
  fr_nir,
  es_dni,
  es_nie,
  it_codice_fiscale,
  nl_bsn,
  pl_pesel,
  be_national_number,
  pt_nif,
  se_personnummer,
  fi_hetu,
  dk_cpr,
  no_fodselsnummer,
  ch_ahv,
  at_svnr,
  ie_pps,
  cz_rodne_cislo,
  ro_cnp,
  bg_egn,
  hr_oib,
  ee_isikukood,
  gr_amka,
  tr_kimlik,
  br_cpf,
  br_cnpj,
  mx_curp,
  cl_rut,
  ar_cuit,
  ca_sin,
  in_aadhaar,
  in_pan,
  cn_resident_id,
  kr_rrn,
  sg_nric,
  il_id,
  za_id,
  au_tfn,
  au_medicare,
  nz_ird,
  us_npi,
  us_dea,
  passport,
  licence,
  medical_record,
  health_plan,
  plate,
  vin,
  device_id,
  other_id,
  private_key,
  api_key,
  jwt,
  password,
  secret,
  kCount,
};

inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kCount);

// What it is about: which profile takes it, and how masks treat it.
enum class Group : std::uint8_t { name, place, time, contact, financial, national, medical, identifier, secret };

struct KindInfo {
  Kind kind;
  std::string_view name;  // in reports and masks: "us_ssn"
  Group group;
  char safe_harbor;       // 45 CFR 164.514(b)(2)(i): A to R; '-': none of its own
  std::string_view what;  // for people, one line
};

const KindInfo& info(Kind kind);
std::span<const KindInfo> all_kinds();
std::optional<Kind> kind_from_name(std::string_view name);

// hipaa: recall first, everything that Safe Harbor lists. gdpr: precision first, what tells of a person. secrets: keys
// only.
enum class Profile : std::uint8_t { hipaa, gdpr, secrets };
std::string_view name_of(Profile profile);  // as profile_from_name takes it
std::optional<Profile> profile_from_name(std::string_view name);
bool takes(Profile profile, Kind kind);
// The least score (0 to 100) of a finding.
int threshold(Profile profile);

}  // namespace freehold::pii
