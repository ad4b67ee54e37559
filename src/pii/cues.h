// Words that say what the number beside them is: "SSN", "Kontonummer", "date of birth". A table in cues.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace freehold::pii {

enum class Cue : std::uint8_t {
  none,
  // numbers of states: one each, and two that fit all
  national,
  tax,
  ssn,
  itin,
  nhs,
  nino,
  steuer,
  nir,
  dni,
  nie,
  codice_fiscale,
  bsn,
  pesel,
  be_register,
  nif,
  personnummer,
  hetu,
  cpr,
  fodselsnummer,
  ahv,
  svnr,
  pps,
  rodne_cislo,
  cnp,
  egn,
  oib,
  isikukood,
  amka,
  kimlik,
  cpf,
  cnpj,
  curp,
  rut,
  cuit,
  sin,
  aadhaar,
  pan,
  resident,
  rrn,
  nric,
  teudat,
  za_id,
  tfn,
  medicare,
  ird,
  npi,
  dea,
  // of registers (national_registers.cpp)
  gstin,
  abn,
  nip,
  taj,
  pis,
  cnh,
  rg,
  rfc,
  cnic,
  mykad,
  emirates,
  hkid,
  uen,
  thai,
  vat,
  ein,
  alien,
  pension,
  carta,
  // what needs a word beside it
  passport,
  licence,
  medical_record,
  health_plan,
  member,  // of a health plan, right before the number
  account,
  sort_code,  // of Britain's banks, which looks like a date
  routing,
  plate,
  registration,  // of a vehicle, and of much else
  vehicle,       // beside which something may be its plate
  vin,
  device,
  mac,
  other_id,
  user,      // of an account with a program
  check,     // the three or four digits on a card
  one_time,  // a password for once
  code,      // "your code": one of these, and much else
  docket,    // of a court or an authority
  card,
  payment,  // what is done with cards, and with much else
  iban,
  phone,
  birth,
  birth_found,  // no word: a date of birth was found
  postcode,
  password,
  pass,   // a password where a value follows, and much else
  login,  // a user's name and a password follow: "creds are …"
  use,    // "use … as the password"
  given,  // "changed to …", "the password you gave me (…)": a password was spoken of before
  secret,
  glued_password,   // programs that take one right behind "-p"
  password_option,  // and behind "-p" and others with a blank
  user_option,      // behind "-u", with a user's name
  wallet,
  address,
  position,  // in degrees
  // what a number is not
  version,
  order,
  money,
  kCount,
};

inline constexpr std::size_t kCues = static_cast<std::size_t>(Cue::kCount);

struct CueWords {
  Cue cue;
  // One or two words each, separated by ';', lower case as fold() makes them. "client+" stands for "client no", "client
  // number" and the like, "+client" for "numero client" and the like (kNumberBehind and kNumberBefore in lexicon.cpp).
  std::string_view words;
};
std::span<const CueWords> cue_words();

}  // namespace freehold::pii
