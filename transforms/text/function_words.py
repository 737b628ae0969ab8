"""Words and letters that tell the six languages apart.

Listed are words that any text needs (and, not, for, this), months, and what payments and letters
say in each language whatever they are about. They are compared as folded, so a word may be listed
in two languages: it then says half as much for each.
"""

from __future__ import annotations

from typing import Final

from transforms.text.vocabulary import Language

FUNCTION_WORDS: Final = {
    Language.ALBANIAN: """
        e i të në me për nga dhe së një ka kam keni janë është jam jemi nuk mos si që ky kjo këtë
        kësaj këtij ai ajo ata ato unë ju jush ne im ime tim time tij saj tyre juaj tuaj jonë tonë
        por ose edhe vetëm pas para deri prej mbi nën pa kur ku pse çka çfarë kush cili cila sipas
        te tek tani sot nesër dje shumë pak më mund duhet dua po jo ishte ishin kishte do jetë
        janar janarit shkurt shkurtit mars marsit prill prillit maj majit qershor qershorit korrik
        korrikut gusht gushtit shtator shtatorit tetor tetorit nëntor nëntorit dhjetor dhjetorit
        muaji muajin muajit muajt vitin viti vitit ditën llogari llogaria llogarinë llogarisë
        pagesë pagesa pagesën pagesës paguaj paguar dërgoj dërguar bankë banka bankën bankës
        klienti klientit shuma shumën euro faleminderit përshëndetje nderuar lutem kërkoj kërkesë
        kërkesa numri numrit emri emrin mujore vjetore transferi dërgesë kontratës respekt njoftim
        njoftimi ankesë kartelë kartela kartelën ndihmë shtëpi shtëpinë fëmijët nënën babin vëllai
        motrën punë pune kësti këstin këstet fatura faturës faturën blerje qira qiraja paga pagën
        rroga rrogës kredi kredia kredisë
    """,
    Language.SERBIAN: """
        i u na za od do sa iz o po je su sam si smo ste nije nisam nisu ne da li ali ili kao što
        šta ko koji koja koje kada gde zašto kako ovaj ova ovo taj ta to moj moja moje mi vi vas
        vam nas nam ja ti on ona oni njegov njen naš vaš se ga mu joj ih već samo još pre posle
        pri kod bez prema preko između molim hvala poštovani poštovanje dobar dan zdravo može mogu
        treba hoću želim bio bila bilo biti će ću danas sutra juče januar januara februar februara
        mart marta april aprila maj maja jun juna jul jula avgust avgusta septembar septembra
        oktobar oktobra novembar novembra decembar decembra mesec meseca meseci godina godine
        godinu račun računa računu uplata uplate uplatu isplata plaćanje plaćanja plaćeno plaćena
        platio platiti banka banke banci broj brojem dana kupovina novac klijent klijenta zahtev
        zahteva prenos iznos iznosa evra dinara svrha ugovor ugovoru poštovanjem obaveštenje žalba
        izvod predmet pomoć kuću kuće stan stana decu majku majci ocu bratu sestri posao posla
        rata rate ratu faktura fakture fakturi kirija zakup plata zarada zarade kredit kredita
        karticu kartica
    """,
    Language.ENGLISH: """
        the of and to in for is are was were be been this that these those with from by on at as
        it its my your his her our their you we they he she me us them not no but or if when where
        why what who which how have has had will would can could should must do does did please
        thank thanks dear hello hi regards sincerely yours about because since until after before
        also only one two there here any all more than an am i january february march april may
        june july august september october november december month year day days week account
        payment payments paid pay transfer bank customer number amount money request received sent
        call called house home work bill invoice order purchase card loan salary rent monthly
        annual weekly contract service services fee family notice case complaint statement address
    """,
    Language.LITHUANIAN: """
        ir į iš už su be nuo iki prie per po apie dėl kad ar bet arba kaip kai kur kodėl kas kuris
        kuri yra buvo bus nėra esu esame jūs jūsų mano mūsų savo jo jos jų aš mes jie tai šis ši
        šio šią tas ta to taip ne nebe labai dar jau tik pagal prašau prašome ačiū dėkoju laba
        diena gerbiami gerbiamas pagarbiai sveiki galiu gali norėčiau noriu reikia sausis sausio
        vasaris vasario kovas kovo balandis balandžio gegužė gegužės birželis birželio liepa
        liepos rugpjūtis rugpjūčio rugsėjis rugsėjo spalis spalio lapkritis lapkričio gruodis
        gruodžio mėn mėnuo mėnesio mėnesį metų metai metus dieną dienos sąskaita sąskaitos
        sąskaitą sąskaitai mokėjimas mokėjimo apmokėjimas apmokėta sumokėta mokestis mokesčiai
        pinigai pinigų pervedimas pavedimas bankas banko banke klientas kliento numeris suma
        sutartis sutartį sutarties prašymas nuoma nuomos būto butas namas atlyginimas alga paskola
        paskolos skundas adresas kortelė kortelės kortelę pirkinys pirkimas paslaugos paslaugas
        eurų
    """,
    Language.LATVIAN: """
        un uz no ar par pie pēc līdz bez pirms starp kā kad kur kāpēc kas kurš kura ir bija būs
        nav esmu esam jūs jūsu mans mana manu mūsu savu viņš viņa viņi es mēs tas tā šis šī šo tie
        bet vai arī tikai jau vēl ļoti ja lai nevis lūdzu lūdzam paldies labdien sveiki cienījamie
        cienīto cieņu varu var vēlos vajag janvāris janvāri janvārī februāris februāri februārī
        marts martu martā aprīlis aprīli aprīlī maijs maiju maijā jūnijs jūniju jūnijā jūlijs
        jūliju jūlijā augusts augustu augustā septembris septembri septembrī oktobris oktobri
        oktobrī novembris novembri novembrī decembris decembri decembrī mēnesis mēneša mēnesi gads
        gada gadu diena dienas dienu konts konta kontu kontam maksājums maksājuma maksājumu
        maksājumi samaksa samaksu apmaksa apmaksāts samaksāts maksa maksu nauda naudu naudas
        pārskaitījums pārvedums banka bankas bankā klients klienta numurs summa līgums līguma
        līgumu pieteikums īre īres īri dzīvokļa dzīvoklis māja alga algas kredīts kredīta
        aizdevums sūdzība adrese izraksts karte kartes karti pirkums pirkumu rēķins rēķina rēķinu
        pakalpojumi pakalpojumu eiro
    """,
    Language.ESTONIAN: """
        ja ning või aga et kui kuid siis see seda selle need on oli olid olen oleme olete ei pole
        mitte mina minu mu sina sinu teie meie tema nende nad ma sa te me ta kes mis mille kus
        miks kuidas millal ka veel juba ainult väga eest jaoks kohta pärast enne kuni alates ilma
        koos üle palun tänan aitäh tere lugupeetud lugupidamisega saan saab soovin vaja peab
        jaanuar jaanuari veebruar veebruari märts märtsi aprill aprilli mai juuni juuli august
        augusti september septembri oktoober oktoobri november novembri detsember detsembri kuu
        kuus aasta aastal päev päeva konto kontole kontolt makse maksed maksete maksmine makstud
        tasumine tasutud tasu raha ülekanne ülekande pank panga pangas klient kliendi number summa
        leping lepingu lepingule taotlus üür üüri korteri korter maja palk palga töötasu laen
        laenu kaebus aadress väljavõte kaart kaardi kaardiga ost ostu arve arvele arved teenus
        teenuse teenuste eurot
    """,
}

LETTERS: Final = {
    "ëËçÇ": (Language.ALBANIAN,),
    "ćĆđĐ\u0402\u0408-\u040b\u040f\u0452\u0458-\u045b\u045f": (Language.SERBIAN,),
    "\u0410-\u0418\u041a-\u0428\u0430-\u0438\u043a-\u0448": (Language.SERBIAN,),
    "čČ": (Language.SERBIAN, Language.LITHUANIAN, Language.LATVIAN),
    "ąĄęĘėĖįĮųŲ": (Language.LITHUANIAN,),
    "ūŪ": (Language.LITHUANIAN, Language.LATVIAN),
    "āĀēĒģĢīĪķĶļĻņŅ": (Language.LATVIAN,),
    "äÄöÖõÕüÜ": (Language.ESTONIAN,),
    "šŠžŽ": (Language.SERBIAN, Language.LITHUANIAN, Language.LATVIAN, Language.ESTONIAN),
}
"""Letters (a class of a regular expression) and the languages that are written with them."""
