"""First names and surnames of Kosovo's communities, most frequent first."""

# ruff: noqa: SIM905, RUF001 - four hundred names, some Turkish with a dotless i, read as prose.
from __future__ import annotations

from typing import Final

ALBANIAN_WOMEN: Final = tuple(
    """
    Arta Teuta Vjosa Valbona Mimoza Blerta Besa Drita Fatime Shpresa Luljeta Merita Albulena
    Arjeta Fjolla Rina Era Dafina Donika Edona Elira Ermira Fatbardhe Flaka Florentina Genta
    Hana Igballe Jehona Kaltrina Kimete Lirije Liridona Majlinda Mirlinda Naile Njomza Nora
    Pranvera Qendresa Remzije Rita Rozafa Sanije Selvije Shqipe Shkurte Shukrije Tringa Ujkana
    Valdete Valentina Vesa Vlora Yllka Zana Zoja Zyrafete Ajshe Hatixhe
    """.split()
)
ALBANIAN_MEN: Final = tuple(
    """
    Agim Arben Bekim Besnik Blerim Driton Dukagjin Enver Faruk Fatmir Flamur Gezim Ilir Kushtrim
    Liridon Lulzim Muhamet Naim Rinor Shpend Valon Visar Ylber Astrit Avni Bujar Burim Dardan
    Diar Dren Edon Endrit Ermal Fatos Florim Genc Granit Hajdin Hasan Hysen Ismet Isuf Jeton
    Kastriot Leart Leotrim Luan Mentor Mërgim Nexhat Nuredin Petrit Qamil Rexhep Sami Shefqet
    Skënder Sokol Xhevdet Zef
    """.split()
)
ALBANIAN_SURNAMES: Final = tuple(
    """
    Krasniqi Gashi Berisha Hoxha Morina Shala Bytyqi Thaçi Hasani Kastrati Kryeziu Ahmeti Rexhepi
    Osmani Maliqi Zeqiri Hyseni Sadiku Salihu Ramadani Rama Haliti Jashari Mustafa Bajrami Avdiu
    Beqiri Elshani Syla Zogaj Gjoka Lekaj Dervishi Fazliu Ukaj Hajdari Latifi Musliu Neziri Pllana
    Qerimi Rrustemi Selimi Tahiri Uka Veseli Xhemajli Ymeri Zeka Abazi Aliu Arifi Asllani Azemi
    Bala Bardhi Behrami Bislimi Bunjaku Çeku Citaku Çollaku Dauti Demaj Demiri Dreshaj Duraku
    Emini Fejza Ferizi Fetahu Gjinolli Gjoni Goxhuli Grajçevci Hajrizi Halili Hamiti Haradinaj
    Haxhiu Hetemi Hoti Ibrahimi Idrizi Imeri Islami Ismajli Ajeti Jakupi Kabashi Kadriu Kelmendi
    Koci Konjufca Kosumi Kuqi Lajçi Limani Lladrovci Loshaj Lushi Luta Mala Mehmeti Meta Miftari
    Mulliqi Murati Muçolli Mziu Nikqi Nuhiu Nura Orana Pacolli Pireva Prekazi Prenkaj Preniqi
    Prishtina Qorri Qosja Ramaj Raçi Recica Rugova Rushiti Sahiti Saliu Sejdiu Shabani Sherifi
    Shkodra Smajli Sopi Spahiu Statovci Sylejmani Tërnava Topalli Trakaniqi Turjaka Vitia Vokshi
    Xhaka Zejnullahu Zymberi Zyberi Gërvalla
    """.split()
)
SERBIAN_WOMEN: Final = tuple(
    """
    Jelena Marija Milica Ana Dragana Snežana Ljiljana Gordana Vesna Jovana Ivana Slavica Biljana
    Nataša Tamara Svetlana Milena Katarina Tijana Zorica Radmila Danijela Sanja Mirjana Nada
    Živana Anđela Teodora Verica Stojanka
    """.split()
)
SERBIAN_MEN: Final = tuple(
    """
    Dragan Milan Zoran Nikola Marko Stefan Aleksandar Slobodan Goran Miloš Nenad Dejan Vladimir
    Predrag Ivan Petar Bojan Saša Nebojša Srđan Radovan Lazar Luka Uroš Žarko Đorđe Momčilo
    Veljko Živojin Čedomir
    """.split()
)
SERBIAN_SURNAMES: Final = tuple(
    """
    Jovanović Petrović Nikolić Marković Đorđević Stojanović Ilić Stanković Pavlović Milošević
    Simić Živković Stevanović Kostić Radović Božović Trajković Ristić Mladenović Dimić Arsić
    Antić Spasić Maksimović Vasić Milić Savić Lazić Jakšić Radosavljević Bogdanović Filipović
    Mitrović Todorović Cvetković Milenković Vuković Denić Popović Knežević Tomić Zdravković
    Aksić Biševac Vlašković Vukašinović Grujić Gligorijević Dančetović Đurić Elezović Zarić
    Ivanović Jevtić Jeftić Janićijević Kragović Lukić Lazović Miletić Mihajlović Nedeljković
    Nestorović Orlović Perić Perović Premović Radojević Rakić Stolić Sinđić Slavković Tasić
    Timotijević Utvić Cvejić Čanović Šmigić Živić Vesović
    """.split()
)
BOSNIAK_TURKISH_WOMEN: Final = tuple(
    "Amina Emina Selma Lejla Fatma Ayşe Elif Sevim Aysel Nermina Sabina Zumra Şükran Meryem "
    "Gülten Hasnija Mirsada Azra Suada Nurten".split()
)
BOSNIAK_TURKISH_MEN: Final = tuple(
    "Mirsad Haris Senad Edin Mehmet Orhan Yusuf İbrahim Ferit Adem Emir Refik Izet Ruždija "
    "Cengiz Fikret Sadik Hakan Murat Nusret".split()
)
BOSNIAK_TURKISH_SURNAMES: Final = tuple(
    """
    Hadžić Kurtović Mušović Ćosović Skenderi Bucaj Mazrek Kovaç Sabovič Çiftçi Yılmaz Şahin
    Kırveş Bütüç Morinalı Karahoda Şimşek Öztürk Mujezinović Balje Ramçilović Kasumi Hodžić
    Džafić Rastoder Ademović Adžović Alomerović Bećirović Mahmutović Topoyan Taç Paçarız
    Safçi Krüezi Volkan Hamdi Luma Aliji Omeragić
    """.split()
)
