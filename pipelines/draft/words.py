"""What the name of a table or a column says, in English and the languages of the region.

Albanian, Serbian, Lithuanian, Latvian, Estonian. A name is taken apart (`gimimoData`,
`GIMIMO_DATA`), its letters lose their marks, and its words are looked up; of a listed word that
ends in `*` only the beginning counts, for these languages decline.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from transforms.spelling import fold


class Topic(StrEnum):
    """What a column's name may say that it holds; where several fit, the first counts."""

    PERSONAL_NUMBER = "a national identification number"
    SECRET = "a secret or the name of a login"  # noqa: S105 - what a column may hold
    DOCUMENT = "an identity document"
    EMAIL = "an e-mail address"
    PHONE = "a phone number"
    IBAN = "an account or card number"
    NETWORK = "a network address or a device"
    BIRTH = "a date of birth"
    FULL_NAME = "a name"
    FIRST_NAME = "a first name"
    LAST_NAME = "a last name"
    COMPANY = "a company"
    RESIDENCE = "a part of an address"
    CONSENT = "a guardian's consent"
    ERASED = "an erasure"
    RESTRICTED = "a restriction of processing"
    EDUCATION = "an education"
    EMPLOYER = "an employer"
    OCCUPATION = "an occupation"
    CIVIL_STATUS = "a civil status"
    CITIZENSHIP = "a country"
    SEX = "a sex"
    REGION = "a place"
    NOTE = "a free text"
    INCOME = "an income"
    MONEY = "an amount"
    CURRENCY = "a currency"
    CLOSED = "an end"
    OPENED = "a beginning"
    TIME = "a time"
    KIND = "a kind"
    NAME = "the name of something"
    KEY = "a key"


_COLUMNS: Final[Mapping[Topic, str]] = {
    Topic.PERSONAL_NUMBER: """
        personal number, personal num, personal no, personal nr, personal code, personal id,
        national id, national number, national no, identity number, identification number,
        identity code, ssn, social security, tax id, tin, person number, nid, numri personal,
        numer personal, nr personal, nrp, jmbg, emso, oib, egn, pesel, cnp, licni broj, maticni
        broj, jedinstveni maticni, asmens kod*, asm kod*, asmens nr, personas kod*, pers kod*,
        isikukood*, isiku kood*, id kood*, isik kood*""",
    Topic.SECRET: """
        password*, passwd, pwd, secret, pin, cvv, cvc, token, user name, username, login, login
        name, nick*, slaptazod*, prisijung* vard*, slapyvard*, lozinka, fjalekalim*, parole,
        parool*, kasutajanimi, lietotajvard*, korisnicko ime, perdorues*""",
    Topic.DOCUMENT: """
        passport*, pasaport*, pasas, paso, pasos, pase, pases, pass nr, document n*, document id,
        document type, document issue*, document expir*, doc n*, doc type, id card*, identity
        card*, identity doc*, driving lic*, driver* lic*, licence n*, license n*, dokument*, dok
        n*, leternjoftim*, letern*, kart* identitet*, licna karta, lk broj, broj lk, vozacka*,
        asmens dok*, tapatyb*, atk n*, vairuotoj* paz*, personu apliec*, apliecib*, id kaart*,
        juhiluba*, juhilo*, photo*, foto*, nuotrauk*, selfie, face*, biometr*, scan*, skan*""",
    Topic.EMAIL: """
        email*, e mail*, mail, mails, mail addr*, el past*, elpast*, e past*, epast*, epost*, e
        post*, eposta, e posta, post* elektronik*, el posta, eadres*, e adres*""",
    Topic.PHONE: """
        phone*, telephone*, tel, tel n*, telef*, telephon*, mob, mobil*, cell, cellphone, gsm,
        msisdn, talr*, viber, whatsapp, fax*, faks*, contact number, numri kontakt*""",
    Topic.IBAN: """
        iban*, account number, account no, account num, acc n*, nr llogari*, numri llogari*,
        llogaria banka*, broj racuna, tekuci racun, ziro racun, saskait* nr, saskait* num*, sask
        nr, konta n*, konto n*, kontonumber, arvelduskont*, pan, card number, card no, kortel* n*,
        kart* n*, kartes n*, kaardi n*, bban""",
    Topic.NETWORK: """
        ip, ip addr*, ip adres*, ipv4, ipv6, mac addr*, device id, device no, imei, imsi, cookie*,
        user agent, useragent, fingerprint, irengin* id, ierices id""",
    Topic.BIRTH: """
        date of birth, birth date, birthdate, birthday, birth, born*, dob, bdate, year of birth,
        datelindj*, data e lindj*, data lindj*, lindj*, viti i lindj*, datum rod*, rodj*,
        rodjenj*, gim dat*, gimim* dat*, gimim* met*, gimim*, gim met*, dzimsan*, dzim dat*, dz
        dat*, sunni*, sunniaeg, synni*""",
    Topic.FULL_NAME: """
        full name, fullname, customer name, client name, holder name, cardholder*, card holder,
        owner name, contact name, person name, emri mbiemri, emri dhe mbiemri, emri i plote, ime
        prezime, ime i prezime, puno ime, vardas pavard*, vardas ir pavard*, pavard* vardas, vards
        uzvards, vards un uzvards, taisnimi, eesnimi perekonnanimi, kliento vardas, asmens vardas,
        moketoj* vard*, gavej* vard*, kliendi nimi, isiku nimi, klienta vards""",
    Topic.FIRST_NAME: """
        first name, firstname, fname, given name*, givenname, forename*, middle name, emri, emer,
        emrin, ime, imena, vardas, vardai, vardo, vards, vardi, eesnimi, eesnimed""",
    Topic.LAST_NAME: """
        last name, lastname, lname, surname*, family name, maiden name, birth name, mbiem*,
        prezime*, devojacko prezime, pavard*, pavarde, uzvard*, perekonnanimi, perenimi, perekonna
        nimi""",
    Topic.COMPANY: """
        company*, firm, firma, firmos, imon*, kompani*, biznes*, business n*, preduzec*, uznemum*,
        ettevot*, organis*, organiz*, pvm kod*, vat n*, vat id, pib, nipt, nui, jar kod*,
        registrikood""",
    Topic.RESIDENCE: """
        street*, addr*, adres*, house n*, house, housenumber, flat, apartment, apt, apt n*,
        building, door, floor, post code, postcode, postal*, zip, zip code, zipcode, postindex,
        latitude, longitude, lat, lon, lng, gps*, geo*, coord*, koordinat*, rrug*, shtepi*,
        banes*, hyrj*, kodi post*, ulic*, kucn*, kucni broj, broj stana, postanski*, postansk*,
        gatv*, nam* n*, namas, namo, but* n*, butas, buto, gyven* viet* adr*, gyv adr*, past*
        kod*, pasto ind*, iela*, ielas, maj* n*, dziv* n*, dzivokl*, tanav*, maja n*, korter*,
        sihtn*, aadress*, elukoht*, residence*, deklar* adr*, dzivesviet*""",
    Topic.CONSENT: """
        guardian*, parental*, parent consent, tutor*, kujdestar*, staratelj*, starat*, globej*,
        tev*, aizbildn*, eestkost*""",
    Topic.ERASED: """
        eras*, erasure*, forgotten, gdpr delet*, istrint*, fshir*, obrisan*, dzests, kustutat*""",
    Topic.RESTRICTED: """
        restrict*, processing block*, apribot*, kufiz*, ogranic*, ierobez*, piiratud, piirang*""",
    Topic.EDUCATION: """
        education*, edu level, degree, isced*, arsim*, shkollim*, obrazov*, skolska sprema,
        issilav*, mokslo laips*, izglit*, haridus*, oppetase""",
    Topic.EMPLOYER: """
        employer*, workplace, work place, punedhen*, vendi i punes, poslodav*, darbov*, darbdav*,
        darboviet*, darba dev*, darbaviet*, tooandj*, tookoht*""",
    Topic.OCCUPATION: """
        occupation*, profession*, job, job title, position, isco*, profes*, zaniman*, radno mesto,
        pareig*, amat*, amet*, elukutse, nodarbos*, punesim*""",
    Topic.CIVIL_STATUS: """
        marital*, civil status, gjendja civile, gjendja martes*, bracn*, seim* padet*, seimyn*,
        seim*, gimenes stav*, perekonnaseis*""",
    Topic.CITIZENSHIP: """
        citizen*, nationality, country*, nation, shtetesi*, shtet*, drzavljan*, drzava, piliet*,
        pilietyb*, salis, salies*, salis kod*, pilson*, valsts, valst* kod*, kodakond*, riik,
        riigi*""",
    Topic.SEX: "sex, gender, gjini*, pol, spol, lytis, lyt*, dzimum*, sugu, sukupuoli",
    Topic.REGION: """
        municipal*, city, town, village, region*, county*, district*, province*, settlement*,
        place, komun*, bashki*, rreth*, qytet*, fshat*, rajon*, qark*, opstin*, grad, mesto,
        naselj*, okrug*,
        savivald*, sav, miest*, apskrit*, seniun*, gyvenviet*, gyven* viet*, pilset*, novad*,
        pagast*, vald, linn, maakon*, omavalits*, asula""",
    Topic.NOTE: """
        note*, remark*, comment*, description*, descr, details, message*, text, body, content*,
        memo, free text, subject line, summary, purpose text, reason*, shenim*, verejtj*, koment*,
        pershkrim*, mesazh*, tekst*, napomen*, opis*, poruk*, sadrzaj*, pastab*, aprasym*, turin*,
        zinut*, zinia*, laisk*, priezast*, piezim*, apraks*, zinojum*, saturs, markus*,
        kirjeldus*, sisu, selgitus*, sonum*, circumstances, aplinkyb*""",
    Topic.INCOME: """
        income*, salary*, wage*, earning*, revenue*, te ardhur*, ardhur*, rrog*, paga, prihod*,
        primanj*, plata, zarad*, pajam*, atlyg*, alga, algos, ienakum*, alga*, sissetul*, palk*""",
    Topic.MONEY: """
        amount*, sum, sums, balance*, price*, cost*, fee*, value, principal, outstanding, debt*,
        paid, due amount, limit, payment*, premium, assets, instalment*, installment*, shum*,
        vler*, bilanc*, cmim*, borxh*, kest*, tarif*, iznos*, suma, sume*, stanje, cena, dug,
        dugov*, rata, rate, naknad*, sumos, likut*, kain*, mokest*, imok*, skol*, verte*, turt*,
        avans*, delspinig*, apmoket*, sumok*, summa, atlikum*, parad*, maksaj*, vertib*, summ*,
        saldo*, hind, volg*, makse*, vaartus*, tasu*, jaak*""",
    Topic.CURRENCY: "currency*, valut*, valiut*, monedh*",
    Topic.CLOSED: """
        closed*, close date, closing*, end date, ended*, ends*, end, terminat*, expir*, valid to,
        left on, mbyll*, perfund*, zatvor*, kraj*, zavrs*, pabaig*, uzdar*, nutrauk*, pasibaig*,
        galioja iki, beig*, slegt*, izbeig*, lopp*, lopet*, suleti*, sulg*""",
    Topic.OPENED: """
        opened*, open date, opening*, start date, started*, begin*, begun*, since, joined*,
        registered*, registration*, customer since, valid from, hapur*, hapj*, fillim*, otvor*,
        pocet*, registrac*, pradz*, sudary*, registrav*, registruot*, klient* nuo, atidary*,
        sakum*, sakt*, noslegt*, registret*, alg*, avat*, algus*, solmi*""",
    Topic.TIME: """
        date*, time*, timestamp, day, month, year, at, on, when, created*, updated*, modified*,
        booked*, sent*, received*, data, datat, dat, koha, krijuar*, datum*, vreme, kreiran*,
        datos, laikas, laik*, diena, sukurt*, sukur*, atnauj*, gaut*, issiust*, izveidot*, datums,
        aeg*, kuupaev*, kuup*, loodud, saadet*""",
    Topic.KIND: """
        kind*, type*, category*, class, status*, state, channel*, product*, direction*, method*,
        segment*, group*, flag, lloj*, tip*, kategor*, status*, kanal*, produkt*, vrst*, rus*,
        busen*, bukl*, kryp*, budas, budo*, veid*, stavokl*, liik*, olek*, suund*, viis, grup*,
        paskirt*, nozim*, otstarb*, purpose, qellim*, svrha, rating, risk*""",
    Topic.NAME: """
        name, names, title, nimi, nimetus*, pavadin*, emertim*, naziv*, nosauk*, label""",
    Topic.KEY: """
        id, ids, key, code, no, nr, num, number, numeris, numer*, nummer, uid, uuid, guid, ref,
        reference*, kod, kodas, kods, kood, kodi, broj, sifra, cels, indeks*, index, pk, fk,
        serial*, sutart* nr, liguma n*, lepingu n*""",
}

_OTHERS: Final = """
        payee*, counterpart*, beneficiar*, recipient*, sender*, guarant*, surety*, spouse*,
        husband, wife, relative*, child*, mother*, father*, co debtor*, codebtor*, contact
        person*, next of kin, reference person*, heir*, manager*, director*, employee*, agent*,
        witness*, perfitues*, marres, garant*, dorezan*, bashkeshort*, femij*, prind*, menaxher*,
        primalac*,
        zirant*, jemac*, suprug*, supruz*, dete, roditelj*, gavej*, moketoj*, laiduotoj*, laidav*,
        sutuoktin*, vaik*, vaiko, motin*, tevo, vadov*, darbuotoj*, kontaktin*, galvot*,
        galvinie*, laulat*, berna, radinie*, kaenda*, abikaasa*, laps*, tootaj*, juhataj*, saaja,
        saaja*, saneme*, maksataj*, maksja*"""

_PEOPLE: Final = """
        customer*, client*, cust, person, persons, people, consumer*, subscriber*, member*,
        debtor*, borrower*, lessee*, klient*, konsumator*, musteri*, person*, huamarr*, kupac,
        kupci, korisnik*, korisnic*, lica, lice, asm, asmuo, asmen*, pirkej*, vartotoj*,
        skolinink*, nuomin*, abonent*, personas, pirce*, isik*, kliendi*, tarbij*, laenu vot*,
        users, user"""

_HOLDERS: Final = """
        holder*, owner*, party, parties, member*, participant*, joint*, co owner*, link*, map,
        mapping, mbajt*, pronar*, vlasnik*, imalac*, nosilac*, sales, salys, salis, dalyv*,
        turetoj*, savinink*, bendra*, bendraskol*, turetaj*, ipasniek*, puses, omanik*, osapool*,
        kaas*"""

_CLAUSES: Final = (
    (15, """
        marketing*, promo*, newsletter*, campaign*, rinkodar*, reklam*, naujienlaisk*, turundus*,
        tirgvedib*, tregtim*"""),
    (13, "video*, camera*, cctv, surveil*, kamer*, vaizdo*, videonovero*, valve*, mbikeqyr*"),
    (14, """
        contact pref*, contact preferences, preferences, notification*, pranesim* nuost*,
        informav*, preferenc*, pazinojum*, teavitus*, njoftim*, obavest*"""),
    (11, """
        correspond*, letter*, call, calls, call record*, recording*, message*, chat*, complaint*,
        ticket*, inquir*, korrespond*, leter*, thirrj*, ankes*, prepisk*, dopis*, pozivi, poruk*,
        zalb*, laisk*, susiras*, skambuc*, pokalb*, skund*, uzklaus*, zinut*, sarakst*, zvan*,
        sudzib*, kirjavahet*, kiri, kirjad, kone*, kaebus*"""),
    (10, """
        debt*, collection*, arrear*, overdue*, recover*, court*, lawsuit*, borxh*, permbarim*,
        dug, dugov*, potraz*, skol*, isieskoj*, vekseli*, parad*, piedzin*, volg*, inkass*"""),
    (12, """
        credit*, loan*, leas*, application*, mortgage*, scor*, instalment*, installment*,
        guarant*, relative*, kredi*, dorezan*, hua*, huaj*, aplikim*, qira*, kest*, zajam*,
        lizing*, zahtev*, rata, rate, paskol*, nuom*, parais*, imok*, moketin*,
        grafik*, laiduot*, sutart*, sutarc*, aizdev*, pieteik*, ligum*, laen*,
        krediid*, liising*, taotlus*, leping*"""),
)  # fmt: skip
"""Clauses of the privacy policy and the topics of tables that they are about, rarest first."""
ELSE: Final = 9
_CREDITWORTHINESS: Final = frozenset({Topic.INCOME, Topic.EDUCATION, Topic.EMPLOYER})
"""What clause 12 names, wherever it stands."""

_DOCUMENTS: Final = """
        identity doc*, identity_documents, documents, id documents, passports, dokument*, asmens
        dok*, pasai, leternjoftim*, isprave, personu apl*, isikut toend*"""


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, in small letters without marks; figures are no words."""
    apart = re.sub(r"(?<=[a-z\u00df-\u00ff\u0101-\u017f])(?=[A-Z\u00c0-\u00de])", " ", name)
    plain = "".join(sign for sign in fold(apart) if not unicodedata.combining(sign))
    return tuple(re.findall(r"[a-z]+", plain))


@cache
def topic_of(column: str) -> Topic | None:
    """Return what a column's name says."""
    words = words_of(column)
    topic = next((topic for topic, terms in _TERMS.items() if _says(words, terms)), None)
    numbered = bool(words) and words[-1] in _NUMBERED and len(words) > 1
    return Topic.KEY if numbered and topic in _OF_THINGS else topic


_NUMBERED = frozenset({"id", "uid", "uuid", "guid", "key", "nr", "no", "numeris", "number"})
_OF_THINGS = frozenset({Topic.NOTE, Topic.MONEY, Topic.KIND, Topic.NAME, Topic.TIME, Topic.CLOSED})
"""What may have a number of its own: a payment's is no amount."""


@cache
def is_of_others(name: str) -> bool:
    """Say whether a name is about people who are not customers: payees, guarantors, relatives."""
    return _says(words_of(name), _OTHER_TERMS)


def is_of_people(table: str) -> bool:
    """Say whether a table's name says that each row is a customer."""
    return _says(words_of(table), _PEOPLE_TERMS) and not is_of_others(table)


def is_of_holders(table: str) -> bool:
    """Say whether a table's name says who holds something together."""
    return _says(words_of(table), _HOLDER_TERMS)


def is_of_documents(table: str) -> bool:
    """Say whether a table's name says that it holds identity documents."""
    return _says(words_of(table), _DOCUMENT_TERMS)


def clause_of(table: str, column: str) -> int:
    """Return the clause of the privacy policy under which a column was probably collected."""
    words = words_of(table)
    found = next((clause for clause, terms in _CLAUSE_TERMS if _says(words, terms)), ELSE)
    return 12 if found == ELSE and topic_of(column) in _CREDITWORTHINESS else found


def plain_name(name: str, otherwise: str) -> str:
    """Return what may be called after a table or column in a policy: small letters, no marks."""
    return "_".join(words_of(name))[:_LONGEST] or otherwise


_LONGEST = 40


def stem_of(table: str) -> str:
    """Return what a table's key is probably called after: the beginning of its last word."""
    words = words_of(table)
    return words[-1][:_STEM] if words else ""


_STEM = 5


@dataclass(frozen=True, slots=True)
class _Terms:
    """Terms as patterns: of words with a blank between them, and of what nothing separates."""

    words: re.Pattern[str]
    joined: re.Pattern[str]


def _terms(listed: str) -> _Terms:
    phrases = [" ".join(phrase.split()) for phrase in listed.split(",")]
    together = [phrase.replace(" ", "") for phrase in phrases]
    return _Terms(
        re.compile(rf"(?:^| )(?:{_any_of(phrases)})(?: |$)"),
        re.compile(rf"(?:{_any_of([one for one in together if len(one) >= _LONG])})$"),
    )


_LONG = 6
"""Letters of a term that is recognised where nothing separates the words."""


def _any_of(terms: list[str]) -> str:
    return "|".join(term.replace("*", "[a-z]*") for term in terms) or "(?!)"


def _says(words: tuple[str, ...], terms: _Terms) -> bool:
    apart, together = " ".join(words), "".join(words)
    return bool(terms.words.search(apart) or terms.joined.match(together))


_TERMS = {topic: _terms(listed) for topic, listed in _COLUMNS.items()}
_OTHER_TERMS, _PEOPLE_TERMS = _terms(_OTHERS), _terms(_PEOPLE)
_HOLDER_TERMS, _DOCUMENT_TERMS = _terms(_HOLDERS), _terms(_DOCUMENTS)
_CLAUSE_TERMS = tuple((clause, _terms(listed)) for clause, listed in _CLAUSES)
