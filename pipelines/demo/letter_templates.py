"""What customers and clerks write in letters, forms and files, in three languages.

As in the details of payments a line is a template with up to two slots; ``their`` is somebody
whom the customer knows (a relative, a payee, a guarantor), ``my`` the customer.
"""

# ruff: noqa: E501 - a line is a template.
from __future__ import annotations

from typing import Final

Texts = tuple[str, str, str]

# By topic: Albanian, Serbian, English; one template a line.
LETTERS: Final[dict[str, Texts]] = {
    "from me": (
        """Përshëndetje, unë jam {me}.
        I nderuar, ju shkruaj në lidhje me llogarinë {my iban}.
        Tung,
        Pershendetje, jam klient i juaji, tel {my phone}.
        Të nderuar, quhem {me} dhe banoj në {my address}.""",
        """Poštovani, ja sam {me}.
        Dobar dan, pišem u vezi računa {my iban}.
        Zdravo, moj broj je {my phone}.""",
        """Dear Sir or Madam, my name is {me}.
        Hello, this is about my account {my iban}.
        Hi, I am {me}, phone {my phone}.""",
    ),
    "to me": (
        """I/E nderuar {me},
        Përshëndetje {me},
        I nderuar klient,""",
        """Poštovani {me},
        Poštovani klijente,""",
        """Dear {me},
        Dear customer,""",
    ),
    "regards": (
        """Me respekt, {me}
        Faleminderit, {me}, {my phone}
        Ju lutem më kontaktoni në {my phone}.
        flm
        Faleminderit""",
        """S poštovanjem, {me}
        Hvala, {me}, {my phone}
        Hvala unapred""",
        """Kind regards, {me}
        Please call me back on {my phone}.
        Thank you""",
    ),
    "bank's regards": (
        """Me respekt, Qendra e klientëve
        Për çdo paqartësi na kontaktoni. Numri i lëndës: {number}""",
        """S poštovanjem, Korisnički centar
        Broj predmeta: {number}""",
        """Kind regards, Customer centre
        Your case number: {number}""",
    ),
    "complaint": (
        """Më {day} ju kam dërguar ankesë dhe nuk kam marrë përgjigje. Punonjësi në {place} ishte shumë i pasjellshëm.
        Më është ndalur provizion dy herë për pagesën nr. {number}. Kërkoj kthimin e mjeteve në {my iban}.
        Kartela ime nuk punon që nga {day}. Kam provuar edhe në bankomatin në {place}.
        Pse nuk më lejohet të dërgoj para te {them}, {their iban}?
        Dikush me emrin {them} po më telefonon nga {their phone} dhe kërkon të dhënat e mia.""",
        """Dana {day} sam poslao žalbu i nisam dobio odgovor. Službenik u mestu {place} je bio neljubazan.
        Naplaćena mi je dvostruka provizija za nalog {number}. Tražim povraćaj na {my iban}.
        Zašto ne mogu da pošaljem novac na račun {their iban}, primalac {them}?""",
        """I sent a complaint on {day} and got no answer. The clerk in {place} was rude.
        I was charged twice for payment {number}. Please refund it to {my iban}.
        Why can I not send money to {them}, {their iban}?
        Somebody who says he is {them} keeps calling me from {their phone} and asks for my data.""",
    ),
    "statement": (
        """Ju lutem më dërgoni gjendjen e llogarisë {my iban} për {month}.
        Më duhet pasqyra e llogarisë për ambasadën, për mua dhe për {them}. Më shkruani kur të jetë gati.
        A mund ta dërgoni pasqyrën në adresën {my address}?""",
        """Molim vas izvod računa {my iban} za {month}.
        Potreban mi je izvod za ambasadu, za mene i {them}.
        Pošaljite izvod na adresu {my address}.""",
        """Please send me the statement of {my iban} for {month}.
        I need a statement for the embassy, for me and {them}.
        Could you post the statement to {my address}?""",
    ),
    "lost card": (
        """E kam humbur kartelën më {day} në {place}. Ju lutem bllokojeni menjëherë.
        Kartela më është vjedhur bashkë me letërnjoftimin. Mund të më gjeni te {them}, {their phone}.
        Bllokoni kartelën, numri i kontratës {number}.""",
        """Izgubio sam karticu {day} u mestu {place}. Molim blokirajte je.
        Kartica mi je ukradena sa ličnom kartom. Možete me naći kod {them}, {their phone}.""",
        """I lost my card on {day} in {place}. Please block it at once.
        My card was stolen with my identity card. You can reach me through {them}, {their phone}.""",
    ),
    "new address": (
        """Kam ndërruar banesën, adresa e re është {their address}, {place}.
        Numri im i ri i telefonit është {my phone}, ai i vjetri ishte i {them}.
        Tani jetoj te {them}, {their address}.""",
        """Promenio sam stan, nova adresa je {their address}, {place}.
        Moj novi broj telefona je {my phone}, stari je bio od {them}.""",
        """I have moved, my new address is {their address}, {place}.
        My new phone number is {my phone}; the old one belonged to {them}.""",
    ),
    "transfer": (
        """Gabimisht kam paguar në llogarinë {their iban} të {them}. Ju lutem ktheni paratë.
        Kur arrin pagesa e {day} te {them}?
        Dua të autorizoj {them}, {their phone}, për llogarinë time.""",
        """Greškom sam uplatio na račun {their iban}, vlasnik {them}. Molim povraćaj.
        Kada stiže uplata od {day} za {them}?
        Želim da ovlastim {them}, {their phone}, za moj račun.""",
        """By mistake I paid to {their iban}, which belongs to {them}. Please return the money.
        When will the payment of {day} reach {them}?
        I want to authorise {them}, {their phone}, for my account.""",
    ),
    "instalment": (
        """Nuk mundem ta paguaj këstin e muajit {month}, sepse kam mbetur pa punë. A mund të shtyhet?
        Këstin e ka paguar {them} më {day}, ju lutem kontrollojeni.
        Dua ta mbyll kredinë {number} para kohe.
        bashkeshortja ime eshte e semure dhe kesti i {month} do vonohet, me telefononi ne {my phone}""",
        """Ne mogu da platim ratu za {month}, ostao sam bez posla. Može li odlaganje?
        Ratu je platio {them} {day}, molim proverite.
        Želim da zatvorim kredit {number} pre roka.""",
        """I cannot pay the instalment of {month} because I lost my job. Can it be postponed?
        The instalment was paid by {them} on {day}, please check.
        I want to repay loan {number} early.""",
    ),
    "reminder": (
        """Ju rikujtojmë se kësti i datës {day} nuk është paguar. Paguani në llogarinë {my iban}.
        Kësti i muajit {month} është i papaguar. Është njoftuar edhe garantuesi {them}.
        Kërkesa juaj nr. {number} është pranuar dhe po shqyrtohet.
        Limiti i kartelës suaj u ndryshua më {day}.""",
        """Podsećamo da rata od {day} nije plaćena. Uplatite na {my iban}.
        Rata za {month} nije plaćena. Obavešten je i žirant {them}.
        Vaš zahtev br. {number} je primljen.""",
        """We remind you that the instalment of {day} is unpaid. Please pay to {my iban}.
        The instalment of {month} is unpaid. The guarantor {them} was told as well.
        Your request {number} was received and is being looked at.""",
    ),
    "subject complaint": (
        """Ankesë
        Ankesë nr. {number}
        ankese per provizion
        Pakënaqësi - {me}""",
        """Žalba
        Žalba br. {number}""",
        """Complaint
        Complaint {number} {me}""",
    ),
    "subject statement": (
        """Pasqyra e llogarisë {my iban}
        Kërkesë për gjendjen e llogarisë
        Vërtetim""",
        """Izvod računa {my iban}
        Zahtev za izvod""",
        """Account statement {my iban}
        Request for a statement""",
    ),
    "subject lost card": (
        """URGJENTE kartela e humbur
        Bllokimi i kartelës - {me}""",
        """HITNO izgubljena kartica
        Blokada kartice""",
        """URGENT lost card
        Block my card - {me}""",
    ),
    "subject new address": (
        """Ndërrim adrese
        Adresa e re {their address}
        Ndryshim i të dhënave {me}""",
        """Promena adrese
        Nova adresa {their address}""",
        """Change of address
        New address {their address}""",
    ),
    "subject transfer": (
        """Pagesa e {day}
        Transferi te {them}""",
        """Uplata od {day}
        Prenos za {them}""",
        """Payment of {day}
        Transfer to {them}""",
    ),
    "subject instalment": (
        """Kredia {number}
        Kësti {month}
        Re: kesti""",
        """Kredit {number}
        Rata {month}""",
        """Loan {number}
        Instalment {month}""",
    ),
    "subject reminder": (
        """Njoftim
        Njoftim për {me}
        Lënda {number}""",
        """Obaveštenje
        Predmet {number}""",
        """Notice
        Case {number}""",
    ),
    "call": (
        """Klienti {me} thirri nga {my phone}; pyeti për gjendjen e llogarisë.
        Thirri {them} ({their phone}) në emër të klientit, nuk iu dha informacion.
        Klienti kërkoi bllokimin e kartelës. U verifikua me datëlindje dhe emrin e nënës.
        U bisedua për vonesën e këstit {month}; klienti premton pagesën më {day}.
        ankese per bankomatin ne {place}""",
        """Klijent {me} zvao sa {my phone}; pitao za stanje računa.
        Zvao {them} ({their phone}) u ime klijenta, nije data informacija.
        Razgovor o kašnjenju rate {month}; klijent obećava uplatu {day}.""",
        """Customer {me} called from {my phone} and asked for the balance.
        {them} ({their phone}) called for the customer; no information was given.
        Talked about the late instalment of {month}; customer promises to pay on {day}.""",
    ),
    "circumstances": (
        """Klienti mbeti pa punë në {month} dhe nuk i paguan këstet. Garantues: {them}.
        I biri i klientit, {them}, thotë se klienti është jashtë vendit. Kontakt: {their phone}.
        Klienti është i sëmurë që nga {day}. Kontakti bëhet përmes {them}.
        Kompania e falimentuar; klienti ofron {number} si garanci.
        Klienti nuk përgjigjet në {my phone}; është vizituar në {my address}.
        Pas divorcit me {them} klienti refuzon pagesën.
        Paguan {them} nga llogaria {their iban} kur mundet.""",
        """Klijent je ostao bez posla u {month} i ne plaća rate. Žirant: {them}.
        Sin klijenta, {them}, kaže da je klijent u inostranstvu. Kontakt: {their phone}.
        Klijent se ne javlja na {my phone}; posećen na adresi {my address}.
        Posle razvoda sa {them} klijent odbija da plati.""",
        """Customer lost the job in {month} and does not pay. Guarantor: {them}.
        The son, {them}, says that the customer lives abroad. Contact: {their phone}.
        Customer does not answer {my phone}; visited at {my address}.
        {them} pays from {their iban} when possible.""",
    ),
    "remarks": (
        """Punon te vëllai {them}, tel {their phone}.
        Kërkon kredi për renovimin e shtëpisë në {my address}.
        Ka remitenca nga {them} në Gjermani, llogaria {their iban}.
        Klient i rregullt që nga {month}.
        deshiron kesti te jete deri ne daten 15""",
        """Radi kod brata {them}, tel {their phone}.
        Traži kredit za renoviranje kuće, {my address}.
        Dobija doznake od {them}, račun {their iban}.""",
        """Works for his brother {them}, phone {their phone}.
        Wants to renovate the house at {my address}.
        Gets remittances from {them}, account {their iban}.
        Good customer since {month}.""",
    ),
    "contest": (
        """Nuk pajtohem me vendimin automatik. Të ardhurat e mia dhe të bashkëshortit {them} nuk janë llogaritur. Më thirrni në {my phone}.
        Kërkoj që vendimin ta shqyrtojë një njeri. Borxhi te {them} është paguar më {day}.
        Ju lutem rishikoni aplikimin nr. {number}, punoj që nga {month}.""",
        """Ne slažem se sa automatskom odlukom. Prihodi supružnika {them} nisu uzeti u obzir. Zovite me na {my phone}.
        Tražim da odluku razmotri čovek. Dug prema {them} je plaćen {day}.""",
        """I disagree with the automated decision. The income of my spouse {them} was left out. Call me on {my phone}.
        I ask for a person to look at it. What I owed to {them} was paid on {day}.
        Please review application {number}; I have worked since {month}.""",
    ),
}
