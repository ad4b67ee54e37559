// What stands behind a value or between two: labels behind "as", second values, capitals that are words, sort codes,
// codes for one sign-in, names of users without digits.
#include <gtest/gtest.h>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(SaidAgain, LabelsBehindAs) {
  EXPECT_EQ(shown("use 021000021 as ABA number"), "routing_number=021000021");
  EXPECT_EQ(shown("it has 021000021 as routing number and 55120034871 as account number"),
            "routing_number=021000021 | bank_account=55120034871");
  EXPECT_EQ(shown("I entered K7720418 for the Danish passport."), "passport=K7720418");
  EXPECT_EQ(shown("Ich habe K7720418 als Reisepass eingetragen."), "passport=K7720418");
  EXPECT_EQ(shown("Ich habe K7720418 für den Reisepass eingetragen."), "passport=K7720418");
  EXPECT_EQ(shown("ich habe HN-KR 71 als Kennzeichen angegeben"), "plate=HN-KR 71");
  EXPECT_EQ(shown("elle a donné 44018 comme code postal"), "postcode=44018");
  EXPECT_EQ(shown("ho messo K7720418 come passaporto"), "passport=K7720418");
  EXPECT_EQ(shown("jag skrev K7720418 som passnummer"), "passport=K7720418");
  EXPECT_EQ(shown("Block 490154203237518, it's my stolen phone's IMEI."), "device_id=490154203237518");
  EXPECT_EQ(shown("does RT550213 look like a valid driver's license?"), "licence=RT550213");
  EXPECT_EQ(shown("confirm that LB61 KTW is the number plate you have"), "plate=LB61 KTW");
  EXPECT_EQ(shown("912-72-4410 - that is the taxpayer number I was given"), "us_itin=912-72-4410");
  for (const char* text : {"we paid 2250000 for the passport", "we paid 2250417 for the passport office",
                           "there were 2250417 as of March", "it has 120 rooms as account managers say"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(SaidAgain, CapitalsThatAreWords) {
  EXPECT_EQ(shown("with social security number 536-22-8726 I cannot log in"), "us_ssn=536-22-8726");
  EXPECT_EQ(shown("MRN 6620418 I was there"), "medical_record=6620418");
  EXPECT_EQ(shown("passport 550418827 A copy is attached"), "passport=550418827");
}

TEST(SaidAgain, SecondValues) {
  EXPECT_EQ(shown("el número de póliza anterior era B7710442518 y el nuevo es K40118827"),
            "health_plan=B7710442518 | health_plan=K40118827");
  EXPECT_EQ(shown("the policy number changed from B7710442518 to K40118827"),
            "health_plan=B7710442518 | health_plan=K40118827");
  EXPECT_EQ(shown("die alte Versichertennummer war B771044251, die neue ist K401188270"),
            "health_plan=B771044251 | health_plan=K401188270");
  EXPECT_EQ(shown("identity card changed from AV 1204418 to KT 9917720"), "other_id=AV 1204418 | other_id=KT 9917720");
  EXPECT_EQ(shown("serial numbers R5QW8ZLXTPF and R5KV2ZLNDYB"), "device_id=R5QW8ZLXTPF | device_id=R5KV2ZLNDYB");
  EXPECT_EQ(shown("her birthday is 1988-11-07 and mine is 19-Jan-1990"),
            "birth_date=1988-11-07 | birth_date=19-Jan-1990");
  EXPECT_EQ(shown("her birthday is 1988-11-07 and mine is March 3, 1990"),
            "birth_date=1988-11-07 | birth_date=March 3, 1990");
  EXPECT_EQ(shown("DOB 03/03/1980, seen 05/06/2020"), "birth_date=03/03/1980");
}

TEST(SaidAgain, NumbersThatWereGiven) {
  EXPECT_EQ(shown("your voter ID has been changed to KTL7710442"), "other_id=KTL7710442");
  EXPECT_EQ(shown("the sort code you gave me (77-01-44) is wrong"), "bank_account=77-01-44");
  EXPECT_EQ(shown("What was my serial number again? I think it was R5QW8ZLXTPF"), "device_id=R5QW8ZLXTPF");
  EXPECT_EQ(shown("your client secret has been changed to Vq7LmT2xZr9KpW4nBs8Jd3Hc"),
            "secret=Vq7LmT2xZr9KpW4nBs8Jd3Hc");
  EXPECT_EQ(shown("QKTF-L8LV-PXYP is my serial number"), "device_id=QKTF-L8LV-PXYP");
  EXPECT_EQ(shown("11-12-13 is my sort code"), "bank_account=11-12-13");
  EXPECT_EQ(shown("J'ai donné 60614-2201 comme code postal."), "postcode=60614-2201");
  EXPECT_EQ(shown("L44018827 pasaport numarası olarak kayıtlı"), "passport=L44018827");
  EXPECT_EQ(shown("91 441 82 70 är mitt telefonnummer"), "phone=91 441 82 70");
  EXPECT_EQ(shown("Mi número de póliza es 440188271-01."), "health_plan=440188271-01");
  EXPECT_EQ(shown("4401882711 es mi número de cuenta."), "bank_account=4401882711");
  EXPECT_EQ(shown("R7702418 to mój numer prawa jazdy"), "licence=R7702418");
  EXPECT_EQ(shown("die alte PIN war Kormoran52!, die neue ist Kormoran53!"),
            "password=Kormoran52! | password=Kormoran53!");
  EXPECT_EQ(shown("EC 888-864-8 (REACH)"), "");
}

TEST(SaidAgain, SortCodes) {
  EXPECT_EQ(shown("Sort Code: 11-12-13"), "bank_account=11-12-13");
  EXPECT_EQ(shown("s/c 77-01-44 a/c 20418833"), "bank_account=77-01-44 | bank_account=20418833");
  EXPECT_EQ(shown("D/L no. K6620418"), "licence=K6620418");
  EXPECT_EQ(shown("plan C 204188 is due"), "");
}

TEST(SaidAgain, CodesForOneSignIn) {
  for (const char* text : {"One-time code: 441820", "2FA code 441820", "Your code is 441820. Keep it.",
                           "access code 441820", "votre code est 441820", "Dein Code: 441820"})
    EXPECT_EQ(shown(text), "password=441820") << text;
  for (const char* text :
       {"my code is 4418 lines long", "your code is 2019.", "2FA since 4418", "your code has 4418 bugs"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(SaidAgain, UsersWithoutDigits) {
  EXPECT_EQ(shown("user tkuznetsova password Meadow14$"), "other_id=tkuznetsova | password=Meadow14$");
  EXPECT_EQ(shown("Passwort: Meadow14$, Benutzer: rbgn"), "password=Meadow14$ | other_id=rbgn");
  EXPECT_EQ(shown("user: rbgn, pass: Meadow14$"), "other_id=rbgn | password=Meadow14$");
  EXPECT_EQ(shown("Failed password for invalid user dobrikov from 2a01:7c8::1 port 22"),
            "other_id=dobrikov | ip=2a01:7c8::1");
  EXPECT_EQ(shown("my username is rbgn"), "other_id=rbgn");
  EXPECT_EQ(shown("dobrikov is my username."), "other_id=dobrikov");
  EXPECT_EQ(shown("Användarnamn: lina.berg"), "other_id=lina.berg");
  for (const char* text : {"the user table password column", "user account password reset",
                           "als Benutzername angegeben", "the user is my friend", "username is required",
                           "a mixin is used to handle this", "username to authenticate with", "std_handle (HANDLE)"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(SaidAgain, PasswordsThatWereGiven) {
  EXPECT_EQ(shown("your password has been changed to Kormoran52$"), "password=Kormoran52$");
  EXPECT_EQ(shown("the passphrase you gave me (kormoran52!)"), "password=kormoran52!");
  EXPECT_EQ(shown("What was my password again? I think it was Kormoran52!"), "password=Kormoran52!");
  EXPECT_EQ(shown("Vq7LmT2xZr9KpW4nBs8Jd3Hc is my API secret."), "secret=Vq7LmT2xZr9KpW4nBs8Jd3Hc");
  EXPECT_EQ(shown("the password I was given (Kormoran52!) fails", Profile::secrets), "password=Kormoran52!");
  for (const char* text : {"Where do I find the PIN letter?", "is that the password you have?",
                           "the password was changed on 12.05.2023", "password changed to comply with ISO27001"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(SaidAgain, SecretsThatBeginWithASign) {
  EXPECT_EQ(shown("client_secret: /Vq7LmT2xZr9KpW4nBs8Jd3Hc/Tq"), "secret=/Vq7LmT2xZr9KpW4nBs8Jd3Hc/Tq");
  EXPECT_EQ(shown("SECRET_ACCESS_KEY=+Vq7LmT2xZr9KpW4nBs8Jd3Hc/Tq"), "secret=+Vq7LmT2xZr9KpW4nBs8Jd3Hc/Tq");
  EXPECT_EQ(shown("secret: /run/secrets/database_password"), "");
}

TEST(SaidAgain, HostsBesideVersions) {
  EXPECT_EQ(shown("kernel: DROP SRC=81.44.120.9 DST=93.40.7.2"), "ip=81.44.120.9 | ip=93.40.7.2");
  EXPECT_EQ(shown("firmware update requested by 81.44.120.9"), "ip=81.44.120.9");
  EXPECT_EQ(shown("upgraded from version 4.18.0.30 to 5.4.0.12"), "");
}

TEST(SaidAgain, LabelsOfOtherLanguages) {
  EXPECT_EQ(shown("Pasaport numarası: L44018827"), "passport=L44018827");
  EXPECT_EQ(shown("Hesap numarası: 440188271"), "bank_account=440188271");
  EXPECT_EQ(shown("Plaka: 34KTZ918"), "plate=34KTZ918");
  EXPECT_EQ(shown("Numéro de dossier patient : 44018827"), "medical_record=44018827");
  EXPECT_EQ(shown("claim for member KTL440188271 denied"), "health_plan=KTL440188271");
  EXPECT_EQ(shown("Serial No.: QKTF-L8LV-PXYP"), "device_id=QKTF-L8LV-PXYP");
  EXPECT_EQ(shown("T: +1-305-555-0187 | M: 91 441 82 70"), "phone=+1-305-555-0187 | phone=91 441 82 70");
  EXPECT_EQ(shown(R"({"ssn":"078-05-1120"})"), "us_ssn=078-05-1120");
  EXPECT_EQ(shown(R"({"ssn":"000-00-0000"})"), "");
  EXPECT_EQ(shown("at the Altmeer S.p.A. is fine, MRN at S.p.A. is 44018827"), "medical_record=44018827");
  EXPECT_EQ(shown("so\n\nd.o.b. 19-Jan-1990"), "birth_date=19-Jan-1990");
  EXPECT_EQ(shown("At 94, she lives alone.", Profile::hipaa), "age=94");
}

TEST(SaidAgain, HoweverATextIsCut) {
  const std::string text =
      "use 021000021 as ABA number. Policy number changed from B7710442518 to K40118827 and mine is C55120034. Her "
      "birthday is 1988-11-07 and mine is March 3, 1990. Sort Code: 11-12-13, 2FA code 441820 dobrikov is my username. "
      "your password has been changed to Kormoran52$ client_secret: /Vq7LmT2xZr9KpW4nBs8Jd3Hc/Tq and "
      "836d48106c12f8633f83f002ed45e74e-us8 or Vq7LmT2xZr9KpW4nBs8Jd3Hc is my API secret. At 94, she lives. M: 91 441 "
      "82 70";
  for (const Profile profile : {Profile::hipaa, Profile::gdpr, Profile::secrets}) {
    const std::vector<Finding> whole = scan(text, profile);
    EXPECT_GT(whole.size(), 3u);
    for (std::size_t step = 1; step < 100; ++step) {
      Scanner scanner(profile);
      std::vector<Finding> found;
      for (std::size_t i = 0; i < text.size(); i += step) scanner.feed(std::string_view(text).substr(i, step), found);
      scanner.finish(found);
      ASSERT_EQ(found, whole) << step;
    }
  }
}

}  // namespace
}  // namespace freehold::pii
