#include "pii/cues.h"

#include <array>

namespace freehold::pii {
namespace {

// English first, then the languages in which such numbers are written most. Words are folded: no marks, lower case.
constexpr auto kCueTable = std::to_array<CueWords>({
    {Cue::national,
     "national id;identity number;identity card;identification number;id number;id card;national insurance;national "
     "identity;citizen id;"
     "citizen number;personal number;personal id;ausweis;personalausweis;ausweisnummer;identite "
     "nationale;identidad;identidade;identita;"
     "dowod osobisty;identiteetskaart;identiteitskaart;government id;resident id;residence permit;social "
     "security;social insurance;nationalid;idnumber;nin;bvn;epic;mynumber;sss;nik;cccd;iqama;matricule;nss;"
     "seguridad social;cedula;emirates id;hkid;alien number;personalausweisnummer;ausweisnr;cedula de;cie;nib;"
     "national identification;carta identita;didentita;didentite;d identite"},
    {Cue::tax, "vergi;tax;taxpayer;tin;tax id;steuer;steuernummer;fiscal;fiscale;impots;belasting;podatkowy;vat;taxid"},
    {Cue::ssn,
     "ssn;ssns;ss;social security;social sec;socialsecurity;ssnum;my social;his social;her social;your social;"
     "their social;full social;social number;social no;patient social;client social;"
     "my soc;his soc;her soc;your soc;soc number;"
     "soc sec;soc security;sec number;ss number;ss no;ss nr;social sec+"},
    {Cue::itin, "taxpayer number;taxpayer+;itin;taxpayer identification;individual taxpayer"},
    {Cue::nhs,
     "nhs;national health;"
     "health number;health no;nhs+"},
    {Cue::nino, "nino;national insurance;ni number;ni no"},
    {Cue::steuer,
     "steuer;steuerid;idnr;steuerliche "
     "identifikationsnummer;steueridentifikationsnummer;identifikationsnummer;steuernummer;steuer id;tax id;tin;german "
     "tax;"
     "steuer nr;tax nr;steuer identnummer;tin nummer"},
    {Cue::nir, "nir;securite sociale;insee;secu;social security"},
    {Cue::dni, "dni;nif;documento nacional;documento de;spanish id"},
    {Cue::nie, "nie;extranjero;foreigner"},
    {Cue::codice_fiscale,
     "codice fiscale;c f;fiscale;codicefiscale;cf;fiscal code;"
     "cod fisc;cod fiscale;codice fisc;tax code"},
    {Cue::bsn, "bsn;burgerservicenummer;sofinummer;burger service;citizen service;sofi;persoonsnummer"},
    {Cue::pesel, "pesel"},
    {Cue::be_register,
     "rijksregisternummer;rijksregister;registre national;nationaal nummer;national register;national number;numero "
     "national;nrn;insz;niss;belgian"},
    {Cue::nif, "nif;contribuinte;identificacao fiscal;numero fiscal;fiscal number;portuguese tax"},
    {Cue::personnummer, "personnummer;personnr;samordningsnummer;swedish personal;personal identity;pnr"},
    {Cue::hetu,
     "hetu;henkilotunnus;henkilotunnukseni;sotu;personal identity;finnish personal;"
     "personal identity code;sosiaaliturvatunnus"},
    {Cue::cpr, "cpr;cprnummer;personnummer;danish"},
    {Cue::fodselsnummer, "fodselsnummer;personnummer;fodselsnr;fnr;norwegian;birth number"},
    {Cue::ahv, "ahv;avs;oasi;ahvn;ahvnr;ahvnummer;navs;numeroavs;versichertennummer;swiss social"},
    {Cue::svnr,
     "svnr;sv nr;sozialversicherungsnummer;sozialversicherung;sv nummer;svnummer;versicherungsnummer;austrian"},
    {Cue::pps, "pps;ppsn;pps no;irish;rsi"},
    {Cue::rodne_cislo,
     "rodne cislo;r c;rodne;birth number;rc;"
     "rod c;rod cislo;rodneho cisla;rc"},
    {Cue::cnp, "cnp;cod numeric;numeric personal;romanian"},
    {Cue::egn, "egn;\xD0\x95\xD0\x93\xD0\x9D;bulgarian"},
    {Cue::oib, "oib;croatian"},
    {Cue::isikukood, "isikukood;asmens kodas;ik;kodas;estonian;lithuanian"},
    {Cue::amka, "amka;\xCE\x91\xCE\x9C\xCE\x9A\xCE\x91;greek"},
    {Cue::kimlik, "kimlik;tckn;tc;tc kimlik;turkish"},
    {Cue::cpf, "cpf;cadastro;brazilian"},
    {Cue::cnpj, "cnpj"},
    {Cue::curp, "curp"},
    {Cue::rut, "rut;run;rol unico;chilean"},
    {Cue::cuit, "cuit;cuil"},
    {Cue::sin, "sin;social insurance;nas;assurance sociale;dassurance sociale;canadian"},
    {Cue::aadhaar, "aadhaar;aadhar;uidai;uid;adhaar;aadhaarnumber"},
    {Cue::pan, "pan;permanent account;pancard"},
    {Cue::resident,
     "resident identity;resident id;shenfenzheng;chinese id;prc id;citizen identity;id number;identity card;id card;"
     "身份证;身份证号;身份证号码;公民身份号码;居民身份证;身份證;身份證字號"},
    {Cue::rrn,
     "rrn;resident registration;jumin;korean;"
     "주민등록번호;주민번호;주민등록;resident reg"},
    {Cue::nric, "nric;fin;singapore;ic"},
    {Cue::teudat, "teudat;zehut;teudat zehut;israeli;israel"},
    {Cue::za_id, "south african;rsa id;sa id;za id"},
    {Cue::tfn, "tfn;tax file;australian tax"},
    {Cue::medicare, "medicare"},
    {Cue::ird, "ird;inland revenue"},
    {Cue::npi, "npi;provider identifier;national provider"},
    {Cue::dea, "dea;dea number"},
    {Cue::gstin, "gstin;gst;gst no;gst number"},
    {Cue::abn, "abn;acn;business number;company number"},
    {Cue::nip, "nip;regon"},
    {Cue::taj, "taj;tajszam;tajszama"},
    {Cue::pis, "pis;pasep;nis;nit"},
    {Cue::cnh, "cnh;habilitacao"},
    {Cue::rg, "rg;registro geral"},
    {Cue::rfc, "rfc;registro federal"},
    {Cue::cnic, "cnic;nicop"},
    {Cue::mykad, "mykad;mypr;kad pengenalan;no kp"},
    {Cue::emirates, "emirates id;emiratesid;eid"},
    {Cue::hkid, "hkid;hong kong;hkic"},
    {Cue::uen, "uen;unique entity"},
    {Cue::thai,
     "thai id;thai national;thai identity;thai identification;thai citizen;thailand id;tnin;เลขประจำตัวประชาชน;"
     "บัตรประชาชน;เลขบัตรประชาชน;เลขที่บัตรประชาชน;หมายเลขบัตรประชาชน;รหัสประจำตัวประชาชน;บัตรประจำตัวประชาชน"},
    {Cue::vat,
     "vat;vatin;uid;ustid;ustidnr;ust idnr;ust id;umsatzsteuer id;umsatzsteueridentifikationsnummer;tva;btw;iva;p iva;"
     "partita iva;piva;moms;dph;afm;momsnr;alv;tva intracommunautaire"},
    {Cue::ein, "ein;fein;employer identification"},
    {Cue::alien, "alien;alien number;alien registration;uscis"},
    {Cue::pension,
     "rentenversicherungsnummer;rentenversicherung;sozialversicherungsnummer;rvnr;rv nummer;rvnummer;"
     "versicherungsnummer;sv nummer"},
    {Cue::carta,
     "carta identita;identita;didentita;d identita;cie;"
     "c i;ci n;cartaidentita;di identita"},
    {Cue::passport,
     "pasaport;pasaport+;pasaportum;passport;passports;reisepass;reisepassnummer;passnummer;passeport;pasaporte;"
     "passaporto;passaporte;paspoort;"
     "paspoortnummer;paszport;paszportu;pass no;"
     "ppt;ppt+;pp no;pp number;pass nr;pass nummer;passnr;passport+;pas nr;pasnr;pasnummer;passinumero;"
     "passin;passi;pasu;cestovni pas;+pasu;+pasaporte;+passaporto;+passeport;travel document;travel doc;"
     "traveldoc;reisedokument;documento viaje;documento viaggio;document voyage;reisdocument;"
     "dokument podrozy;rejsedokument;resehandling;护照;护照号;护照号码;護照;護照號碼;"
     "旅券番号;パスポート番号;여권번호;паспорт;паспорта;"
     "หนังสือเดินทาง;"
     "หนังสือเดินทางเลขที่"},
    {Cue::licence,
     "ehliyet;ehliyet+;surucu belge;d l;dl+;license;licence;driver's license;drivers license;driver license;driving "
     "licence;driving "
     "license;dl;dln;fuhrerschein;fuhrerscheinnummer;permis;permis "
     "de;permisdeconduire;permisodeconducir;patentediguida;"
     "de conducir;de conduire;di guida;rijbewijsnummer;patente;rijbewijs;licencia;carnet de;carteira "
     "de;certificate;certification;cert no;licensenumber;bar "
     "number;medical license;registration no;"
     "lic+;lic;cdl;driver+;drivers+;driver lic;drivers lic;driver permit;learner permit;dlic;"
     "fuhrerscheinnr;fuhrerschein+;fs nr;fahrerlaubnis;+permis;+patente;+licencia;+carnet;+rijbewijs;"
     "de conducao;carta conducao;korkort;korkortsnummer;korkortsnr;korekort;korekortnummer;korekortnr;"
     "forerkort;forerkortnummer;forerkortnr;ajokortti;ajokortin;ajokorttinumero;prawo jazdy;prawa jazdy;"
     "ridicsky prukaz;ridicskeho prukazu;ridicak;jogositvany;surucu belgesi;permis conduire"},
    {Cue::medical_record,
     "hasta+;hasta numarasi;protokol+;dosya+;mrn;mrns;medical record;patient id;patient number;patient "
     "no;patientid;chart number;chart no;chart;record "
     "number;record no;hospital number;patientennummer;"
     "patientenid;numero patient;specimen;accession;encounter;case number;visit number;medical number;health "
     "record;fallnummer;medrec;"
     "hospital+;pat+;patienten+;patient+;patientnr;med rec;medical rec;med record;med records;med+;"
     "mr number;mr no;unit number;unit no;unit nr;clinic+;hosp+;uhid;ur number;ur no;urno;record+;chart+;"
     "fall+;fallnr;krankenakte;aufnahmenummer;aufnahmenr;aufnahme+;patientenakte;patientenakten+;"
     "krankenblatt;dossier medical;dossier patient;+paziente;cartella clinica;historia clinica;nhc;"
     "nuhsa;+paciente;prontuario;+prontuario;+cartella;patientnummer;patientid;journalnummer;journalnr;"
     "journal nr;potilasnumero;potilastunnus;+pacjenta;karta pacjenta;+pacienta;cislo pacienta;chorobopis;"
     "病历号;病案号;住院号;환자번호;患者番号;"
     "paciente+;paziente+;cartella+;prontuario+"},
    {Cue::health_plan,
     "police numarasi;sigorta+;sigorta numarasi;member id;memberid;subscriber;subscriber id;policy number;policy "
     "no;policy;health "
     "plan;beneficiary;hicn;mbi;insurance number;insurance id;insurance policy;"
     "plan number;group number;plan "
     "id;medicaid;medicare;krankenversicherung;krankenversichertennummer;versichertennummer;ehic;insurance "
     "card;policyholder;polizza;poliza;"
     "health card;healthcard;health+;health insurance;insurance+;insurance nr;ohip;ramq;phn;ahcip;msp;"
     "msp+;medicaid+;plan+;policy+;member+;insured+;benefits+;hic number;carte vitale;assurance maladie;"
     "tessera sanitaria;tarjeta sanitaria;cartao sus;+sus;cns;polis;+polis;polisnr;polisnummer;"
     "policennummer;policen+;versicherungsschein+;versicherungsscheinnummer;versicherungs+;versicherten+;"
     "versichertennr;kvnr;kv nummer;kv nr;krankenkassennummer;krankenkassen+;gesundheitskarte;"
     "gesundheitskarten+;mutuelle;+mutuelle;+adherent;+assure;+polizza;+poliza;+apolice;apolice;+police;"
     "+beneficiario;+utente;zorgpolis;zorgverzekering;zorgverzekeringsnummer;uzovi;relatienummer;"
     "sygesikring;sygesikringsnummer;sundhedskort;forsikringsnummer;forsikring nr;forsakringsnummer;"
     "forsakring nr;vakuutusnumero;kela kortti;+polisy;polisa;polisy;+ubezpieczenia;+pojistky;"
     "cislo pojistence;pojistenec;pojistenca;"
     "dassure;dadherent;dassurance;daffilie;dassicurato;dassurato;"
     "polizza+;poliza+;apolice+;assure+;mutuelle+"},
    {Cue::member, "member;enrollee"},
    {Cue::account,
     "hesap;hesap+;hesabim;account;accounts;acct;acc no;account number;account no;accountnumber;bank "
     "account;checking;savings;kontonummer;konto;ktonr;compte;cuenta;conto;conta;rekening;"
     "rekeningnummer;rachunek;customer number;customer id;kundennummer;loan number;loan no;kontonr;clabe;bban;"
     "a c;acc;acc+;acct+;account+;bsb;bsb+;bank acc;bank acct;konto+;kto;kto+;ktonr;bankkonto;"
     "bankverbindung;+compte;+cuenta;+conto;+conta;+rekening;rek nr;rekeningnr;bankrekening;rachunku;"
     "+rachunku;+konta;konta;kontonummeret;bankkontonummer;bankkontonr;kontonumret;tilinumero;tilinro;"
     "tilin;uctu;+uctu;bankovni ucet;cislo uctu;账号;账户;帐号;賬號;銀行帳號;계좌번호;"
     "口座番号;เลขที่บัญชี;cbu;cvu;customer+;cust+;"
     "compte+;cuenta+;conto+;conta+;rekening+"},
    {Cue::sort_code, "sort code;sort codes;s c;sc no;sortcode"},
    {Cue::routing,
     "routing;aba;routing number;rtn;transit;bankleitzahl;blz;aba number;"
     "routing+;transit+;aba+;bank code;bankcode"},
    {Cue::plate,
     "plaka;plakasi;plaka+;plate;plates;license plate;licence plate;number "
     "plate;kennzeichen;kfz;nummernschild;immatriculation;plaque;matricula;targa;kenteken;targato;targata;immatricule;"
     "immatriculee;autokennzeichen;kfzkennzeichen;kentekenplaat;tablica;registration plate;"
     "vehicle registration;registration number;licenseplate;numberplate;reg plate;reg no;vrm;vrn;"
     "nummerplaat;nummerplade;registreringsnummer;regnr;placa;placas;chapa;rejestracyjny;rejestracyjne;rejestracyjnego;"
     "rendszam;spz;plakette;plate no;plate number;tagliando;registrado;immat;"
     "vehicle+;vehicle reg;car+;car reg;car registration;reg+;registration+;"
     "registration plates;bike+;bike reg;rc+;rc book;tag+;license tag;vehicle tag;rego;rego+;plate+;"
     "licence tag;zulassungsnummer;amtliches kennzeichen;kfz+;+immatriculation;"
     "plaque immatriculation;numero immatriculation;+matricula;+placa;+targa;+immat;+plaque;"
     "kentekennummer;rejestracja;rejestracji;rejestracje;+rejestracyjny;blachy;rekisterinumero;"
     "rekisterikilpi;registreringsskylt;regskylt;skiltnummer;kjennemerke;registreringsnr;"
     "registreringsnummeret;reg skylt;nummerskylt;registracni znacka;registracni znacky;poznavaci znacka;"
     "rz;rendszama;车牌;车牌号;车牌号码;차량번호;ナンバープレート;"
     "ทะเบียนรถ;"
     "dimmatriculation"},
    {Cue::registration, "registration;reg;registrierung;zulassung;zugelassen;rejestracja;registrert"},
    {Cue::vehicle,
     "car;cars;vans;tag;tags;truck;lorry;motorcycle;motorbike;moped;scooter;sedan;saloon;suv;pickup;taxi;cab;vehicle;"
     "vehicles;"
     "minivan;hatchback;coupe;trailer;minibus;auto;autos;wagen;fahrzeug;fahrzeuge;pkw;lkw;motorrad;lieferwagen;"
     "transporter;"
     "voiture;camion;camionnette;vehicule;moto;coche;furgoneta;vehiculo;camioneta;macchina;veicolo;furgone;autovettura;"
     "automobile;motociclo;autobus;voertuig;busje;vrachtwagen;bestelwagen;samochod;samochodu;pojazd;pojazdu;bil;bilen;"
     "bilens;varebil;lastbil;ajoneuvo;auton;vozidlo;vozidla;carro;veiculo;caminhao;carrinha;toyota;bmw;volkswagen;vw;"
     "mercedes;honda;hyundai;renault;peugeot;skoda;audi;nissan;opel;vauxhall;volvo;tesla"},
    {Cue::vin,
     "vin;vehicle identification;chassis;fahrgestellnummer;fin;vin "
     "number;fahrzeugidentifikationsnummer;bastidor;telaio"},
    {Cue::device,
     "seri;seri+;seri numarasi;cihaz+;serial;serial number;serial no;sn;imei;imsi;iccid;meid;udid;device id;device "
     "identifier;device "
     "serial;device;deviceid;implant;pacemaker;seriennummer;"
     "udi;serialnumber;esn;unit serial;equipment identity;s n;serialno;idfa;idfv;gaid;aaid;"
     "advertising id;android id;hardware id;machine id;device token;geratenummer;serienummer;numero serie;"
     "matricola;seriale;deviceserial;hardwareid;androidid;machineid;installation id;"
     "imei+;meid+;serial+;product serial;serienr;serien+;seriennr;serie+;+serie;+serial;serie;"
     "vyrobni cislo;seriove cislo;sarjanumero;numer seryjny;nr seryjny;serialnr;gerate+;geratenr;device+;"
     "asset tag;handset"},
    {Cue::mac,
     "mac address;mac addresses;mac addr;mac adresse;mac adres;adresse mac;direccion mac;indirizzo mac;"
     "hwaddr;hwaddress;hw address;hardware address;bssid"},
    {Cue::other_id,
     "musteri+;musteri numarasi;ogrenci+;ogrenci numarasi;sicil+;uye+;election card;election "
     "id;electoral+;elector+;voters+;employee id;employee number;employee no;employeeid;student id;student "
     "number;staff id;staff number;badge;badge "
     "number;user id;personnel number;"
     "personalnummer;matrikelnummer;registration number;voter id;voter;client id;client number;beneficiary "
     "number;enrollment number;applicant id;person id;"
     "taxpayer number;membership number;member number;frequent flyer;study id;participant id;subject id;"
     "client+;klant+;klantnummer;klantnr;klantennummer;+client;+cliente;codice cliente;codigo cliente;"
     "kunden+;kundennr;kunde+;+klienta;kundnummer;kundnr;kundenummer;kundenr;asiakasnumero;asiakasnro;"
     "zakaznicke cislo;+zakaznika;membership+;mitglied+;mitglieds+;mitgliedsnummer;mitgliedsnr;lidnummer;"
     "lidmaatschapsnummer;+socio;+membre;+tessera;medlemsnummer;medlemsnr;jasennumero;employee+;emp+;"
     "staff+;personnel+;payroll+;personal+;personalnr;personeelsnummer;personeelsnr;medarbejdernummer;"
     "medarbejdernr;ansattnummer;ansattnr;anstallningsnummer;anstallningsnr;henkilostonumero;+dipendente;"
     "+empleado;+empregado;+employe;+salarie;+matricule;+pracownika;+zamestnance;osobni cislo;student+;"
     "pupil+;matrikel+;matrikelnr;+etudiant;+etudiante;+estudiante;+studente;+aluno;+alumno;studentnummer;"
     "studentnr;studienummer;opiskelijanumero;+albumu;utr;utr+;unique taxpayer;claimant+;applicant+;"
     "candidate+;voter+;badge+;loyalty+;loyalty card;flyer+;participant+;subject+;tenant+;inmate+;"
     "prisoner+;claim+;schadennummer;schaden+;schadens+;+sinistre;+siniestro;+sinistro;case file;donor+;"
     "library card;registrant+;"
     "dabonne;detudiant;demploye;dadhesion;dallocataire;"
     "kd+;kdnr;matr+;cliente+;socio+;adherent+;tessera+;matricule+;membre+;etudiant+;studente+"},
    {Cue::user,
     "kullanici adi;anvandarnamn;brukernavn;brugernavn;kayttajatunnus;kayttajanimi;nazwa uzytkownika;uzivatelske "
     "jmeno;nome usuario;nombre usuario;nome utilizador;de utilizador;utilizador;nume utilizator;felhasznalonev;nom "
     "dutilisateur;username;user name;login;login name;loginname;login id;screen name;handle;user "
     "id;userid;benutzername;"
     "benutzerkennung;anmeldename;nutzername;d utilisateur;dutilisateur;nom utilisateur;identifiant;de usuario;"
     "nome utente;utente;gebruikersnaam;twitter;instagram"},
    {Cue::one_time,
     "time code;time passcode;time pin;time passwort;time token;access code;zugangscode;codigo acceso;code acces;code "
     "dacces;"
     "codice accesso;codice daccesso;codigo de acesso;codigo acesso;toegangscode;kod dostepu;atkomstkod;tilgangskode;"
     "pristupovy kod;onetimecode;verify code;auth code;authenticator code;security code;sicherheitscode;"
     "anmeldecode;bestatigungs code;code unique;codigo unico;codice monouso;eenmalige code;engangskode;"
     "login pin;unlock code;reset code;tan nummer;otp;verification code;recovery "
     "code;einmalcode;bestatigungscode;verificatiecode;"
     "otp+;sms code;smscode;login code;authentication code;2fa code;mfa code;mtan;smstan;"
     "einmalpasswort;einmalkennwort;verifizierungscode;codigo verificacion;codigo verificacao;"
     "code verification;codice verifica;codice otp;code sms;codigo sms;kod weryfikacyjny;kod sms;"
     "engangskode;engangskod;bekraftelsekod;verifieringskod;kertakayttokoodi;overovaci kod;dogrulama kodu;"
     "验证码;驗證碼;인증번호;認証コード"},
    {Cue::code,
     "your code;my code;dein code;ihr code;mein code;votre code;ton code;mon code;tu codigo;su codigo;mi codigo;"
     "tuo codice;suo codice;mio codice;seu codigo;meu codigo;je code;uw code;mijn code;din kod;min kod;din kode;"
     "min kode;twoj kod;moj kod;vas kod;tvuj kod"},
    {Cue::check,
     "cvv;cvc;csc;cvvcode;cvccode;card verification;verification value;kartenprufnummer;prufziffer;cryptogramme;"
     "cryptogramme visuel;"
     "security code;card code;cvn;cvv+;codigo seguridad;code securite;cod seguridad;codice sicurezza;"
     "sicherheitscode;prufnummer;kartenprufziffer;beveiligingscode;kod bezpieczenstwa;kod cvv;kod cvc;"
     "sakerhetskod;sakerhetskoden;sikkerhedskode;sikkerhetskode;turvakoodi;turvaluku;tarkistusnumero;"
     "bezpecnostni kod;kontrollnummer;kontrolcifre;guvenlik kodu"},
    {Cue::docket,
     "docket;docket no;docket number;case no;aktenzeichen;az;geschaftszeichen;geschaftsnummer;numero dossier;"
     "dossier;de dossier;expediente;zaaknummer;rolnummer"},
    {Cue::card,
     "card;cards;credit;debit;visa;mastercard;amex;american "
     "express;discover;maestro;kreditkarte;karte;kartennummer;kartennr;carte;tarjeta;carta;cartao;karta;creditcard;cc;"
     "kaartnummer;cardnumber;card number;credit card;debit "
     "card;pan;kreditkartennummer;creditcardnumber;creditcardnummer;kreditkartennr;creditkaart;bankkaart;"
     "bankkarte;bancomat"},
    {Cue::payment,
     "payment;payments;paid;charge;charged;expired;expires;cvv;cvc;"
     "declined;refund;refunded;refunds;cancel;cancelled;blocked;unblock;balance;stolen;swiped;topup;"
     "sperren;gesperrt"},
    {Cue::iban, "iban;ibans;bic;swift;kontonummer;bank account"},
    {Cue::phone,
     "phone;phones;telephone;tel;cell;cellphone;mobile;mob;call;calls;called;calling;dial;ring;reach;text;sms;fax;"
     "whatsapp;signal;pager;hotline;contact;ph;"
     "handy;telefon;telefonnummer;handynummer;mobil;rufnummer;anrufen;ruf;telefono;movil;celular;cellulare;telefone;"
     "telemovel;telephone;portable;appelez;appeler;"
     "telefoon;telefoonnummer;bel;mobiel;gsm;telefonu;komorka;puhelin;telefonnr;phonenumber;voicemail;landline;"
     "extension;ext;my number;call "
     "me;llamar;llama;llame;ligue;chiama;llamame;llamenos;chiamami;chiamatemi;erreichen;erreichbar;tlf;tfno;"
     "your number;his number;her number;mon numero;ton numero;son numero;votre numero;meine nummer;deine nummer;"
     "seine nummer;ihre nummer;mi numero;tu numero;su numero;mio numero;tuo numero;suo numero;meu numero;mijn nummer;"
     "min nummer;mitt nummer;moj numer;"
     "reachable;new number;emergency number;emergency no;emergency contact;contacter;contactez;contactar;"
     "contattare;contatti;kontaktieren;chiamare;chiamate;rufen;ruft;ringen;al numero;au numero;onder nummer;joindre;"
     "joignable;localizable;raggiungibile;bereikbaar;bellen;ligar;telefonar;telefonieren;telefonnumber;telephoning;"
     "phoned;texted;texting;dialed;dialled;dialing;rang;telefax;telefaks;telefoonnr;notfallnummer;notrufnummer;"
     "festnetz;mobilfunk;mobilnummer;handynr;telefonnumero;viber;contact number;call back;"
     "电话;手机;手机号;手机号码;联系电话;電話;電話番号;携帯;전화번호;휴대폰;"
     "연락처;телефон;тел;τηλεφωνο;เบอร์โทร;โทรศัพท์"},
    {Cue::birth,
     "dob;birth;born;o b;naci;nacio;nasci;"
     "birthday;birthdays;birthdate;dateofbirth;datedenaissance;fechadenacimiento;fechanacimiento;datadinascita;"
     "datanascita;"
     "datanascimento;geboren;geburtsdatum;geb;geburtstag;ne;nee;naissance;nacimiento;"
     "nacido;nacida;nato;nata;nascita;nascimento;"
     "nascido;geboortedatum;urodzenia;urodzony;fodt;fodd;syntynyt;bday;compleanno;cumpleanos;anniversaire;verjaardag"},
    {Cue::birth,
     "fodselsdato;fodselsdag;fodselsdatum;fodelsedatum;fodelsedag;fodelsetid;fdato;syntymaaika;syntymapaiva;synt;"
     "narozen;"
     "narozena;narozeni;nar;urodzona;urodz;ur;nac;nasc;nacim;geburtsdat;gebdat;gebdatum;geboortedag;geboren op;"
     "szuletett;szuletesi;dogum;dogum tarihi;birthdt;bdate;data nascita;fecha nac;f nac;dt nasc;"
     "nascidos;nacidos;geborene;geborener;rojen;rojena;rodjen;nascuta;nascut"},
    {Cue::postcode,
     "posta kodu;postnr;postnummer;postinumero;psc;kod pocztowy;pocztowy;iranyitoszam;cod postal;codice postale;npa;cp;"
     "postkod;postal no;zip no"},
    {Cue::postcode,
     "zip;zipcode;zip code;postcode;postal;postal code;plz;postleitzahl;code postal;codigo postal;cap;cep;pin "
     "code;pincode;eircode;postcodes"},
    {Cue::password,
     "sifre;sifrem;sifreniz;sifresini;parolam;parolasi;password;passwords;passwd;pwd;passphrase;passcode;passwort;"
     "kennwort;contrasena;motdepasse;mot "
     "de;senha;wachtwoord;haslo;pin;dbpassword;userpassword;pgpassword;mysqlpassword;"
     "pw;pws;pswd;psw;passw;passwrd;passwords;pass phrase;pass code;temporary pass;dbpass;userpass;"
     "mysqlpass;pgpass;rootpass;adminpass;smtppass;mailpass;ftppass;sshpassword;heslo;hesla;heslem;hasla;"
     "haslem;losenord;losenordet;losen;adgangskode;adgangskoden;kodeord;kodeordet;passord;passordet;"
     "salasana;salasanani;salasanasi;tunnussana;mdp;mot passe;palavra passe;palavrapasse;contrasenya;"
     "contrasenas;contrasinal;senhas;zugangscode;zugangskennwort;zugangspasswort;kennworter;passworter;"
     "wachtwoorden;wachtwoordzin;jelszo;jelszava;lozinka;geslo;slaptazodis;parool;parole;sifresi;"
     "kata sandi;kata kunci;puk;пароль;пароля;密码;密碼;口令;비밀번호;"
     "パスワード;รหัสผ่าน;κωδικος;סיסמה;db password;networkkey;"
     "wifi key;fi key;wlan key;wifi code;cle wifi;chiave wifi;wlan schlussel;wifi schlussel;"
     "wlanschlussel"},
    {Cue::login,
     "creds;cred;credentials;logins;login;logon;signin;user pass;user password;username password;"
     "zugangsdaten;anmeldedaten;logindaten;zugang;identifiants;acces;credenciales;credenciais;acceso;acesso;"
     "credenziali;accesso;"
     "inloggegevens;inlog;logowania;inloggningsuppgifter;inloggning;innlogging;kirjautumistiedot;loginoplysninger;"
     "prihlaseni;"
     "prihlasovaci udaje;udaje"},
    {Cue::use,
     "use;using;try;enter;entered;type;typed;set;choose;chose;nimm;benutze;verwende;eingeben;utilise;utilisez;"
     "utiliza;utilice;usar;pon;inserisci;gebruik;anvand;brug;bruk;kayta;pouzij;uzyj"},
    {Cue::given,
     "changed;here;set;reset;updated;gave;given;sent;think;guess;believe;remember;geandert;gesetzt;gegeben;geschickt;"
     "glaube;"
     "change;changee;modifie;donne;envoye;crois;cambiada;cambiado;diste;dado;creo;cambiata;cambiato;dato;credo;"
     "alterada;alterado;deu;acho;gewijzigd;gegeven;geloof;zmienione;zmieniono;andrats;andrat;fick;tror;andret;endret"},
    {Cue::secret,
     "secret;secrets;token;tokens;apikey;api key;accesskey;access key;secretkey;secret key;clientsecret;client "
     "secret;credential;credentials;auth;authorization;bearer;"
     "privatekey;private key;authtoken;accesstoken;encryption key;signing key;api token;access token;refresh "
     "token;schlussel;signing secret;webhook secret;key"},
    {Cue::glued_password, "mysql;mysqldump;mysqladmin;mysqlimport;mariadb;7z;7za;7zz;rar;unrar"},
    {Cue::password_option,
     "sshpass;redis cli;valkey cli;keydb cli;docker login;podman login;helm login;registry login;mongosh;mongo;"
     "mongodump;mongorestore;mongoexport;sqlcmd;bcp;ldapsearch;ldapadd;ldapmodify;ldapwhoami;mosquitto pub;"
     "mosquitto sub;ipmitool;rabbitmqadmin;zip;unzip"},
    {Cue::user_option, "curl;smbclient;rpcclient;smbmap;wrk;httpie;wpscan"},
    {Cue::wallet,
     "bitcoin;btc;wallet;wallets;crypto;ethereum;eth;address;solana;litecoin;ltc;dogecoin;doge;tron;trx;ripple;xrp;"
     "monero;xmr;cardano;usdt;usdc;phantom"},
    {Cue::address,
     "address;lives;live;lived;resides;residing;residence;home;ship;shipped;shipping;deliver;delivered;mailing;adresse;"
     "anschrift;wohnhaft;wohnt;direccion;indirizzo;adres;endereco;habite"},
    {Cue::address,
     "wohne;wohnen;woon;woont;woonachtig;bosatt;bopael;bopel;bostedsadresse;adresa;adrese;zamieszkaly;zamieszkala;"
     "osoite;"
     "morada;domicilio;domiciliado;domiciliada;domicile;residenza;demeurant;lieferadresse;rechnungsadresse;postadresse;"
     "postanschrift;zustelladresse;lieferanschrift;rechnungsanschrift;leveringsadres;factuuradres;adress;postadress;"
     "hemadress;folkbokford;bydliste;leveringsadresse;hjemmeadresse"},
    {Cue::position,
     "coordinates;coords;gps;geolocation;location;latlng;latlon;koordinaten;standort;coordonnees;coordenadas;"
     "coordinate;coordinaten;ubicacion"},
    {Cue::version,
     "version;versions;ver;v;release;released;build;firmware;revision;rev;section;chapter;clause;paragraph;changelog;"
     "upgrade;upgraded;patch;driver;kernel;sdk"},
    {Cue::order,
     "order;orders;invoice;ticket;tracking;shipment;isbn;issn;ean;upc;sku;part;model;timestamp;commit;hash;checksum;"
     "sha;md5;uuid;guid;epoch;reference;ref;po;"
     "bestellung;bestellnummer;rechnung;rechnungsnummer;commande;facture;pedido;factura;ordine;fattura;zamowienie;"
     "barcode;lot;batch;bug;issue;doi;pmid;arxiv;port;pid;offset;byte;bytes;"
     "error;code;row;line;page;pages;item;product;catalog;catalogue;job;process;thread;request;transaction;"
     "confirmation;booking;docket;quote"},
    {Cue::money,
     "usd;eur;gbp;dollars;euros;pounds;price;cost;costs;total;amount;balance;revenue;sales;budget;salary;fee;"
     "population;people;inhabitants;users;views;downloads;votes;units"},
    // The last word of others, too: what a word alone says is the last row's.
    {Cue::pass, "pass;clave;claves;parola;pwort"},
});

}  // namespace

std::span<const CueWords> cue_words() {
  return kCueTable;
}

}  // namespace freehold::pii
