//! Names of months in the languages that glibc and journalctl print.
//!
//! Responsible for: which month a name means, in any case, with or without a dot after it.
//! Must not know: stamps.
//! Tested by: the unit tests below, `tests/suites/envelopes.rs`.
//!
//! The names are `abmon` and `ab_alt_mon` of glibc's locale sources and the abbreviations of CLDR, which browsers
//! print: 77 languages. Five names mean one month in one language and another in another (`lis`: November in
//! Polish, October in Croatian); the table has the month of the language that more people write.

use std::sync::LazyLock;

use crate::time::month_number;

/// The abbreviated names of each month, in lower case and without dots.
const NAMES: [&str; 12] = [
    "january th01 th1 chi dja ean ene faoi gen ian ion jaan jan janv jän led m01 oca ođđj saus sij sty tammi urt xan xin \
     yan yen ýan ğın ιαν гыйн сту січ янв яну јан қаң հնվ ינו ינו׳ جانفي جنوری ينا يناير ژانویه जन॰ জানু \
     ஜன జన ม.ค იან 一月",
    "february th02 th2 chw chwef cʼhw cʼhwe feabh feb febr fev few fiw fra fur fév févr gearr guov helmi lut m02 ots peb \
     shk vas veebr velj úno şub φεβ ақп лют феб фев февр փտվ փտր פבר פבר׳ شباط فبر فبراير فروری فوریه \
     فيفري फ़र॰ ফেব பிப் ఫిబ్ర ก.พ თებ 二月",
    "march th03 th3 bře kov m03 maalis mac mar mars mart marts març maw meu meur meɣ moz mrt màrt márc márta mäe mär \
     märts märz mås měr njuk ožu sak μάρ μαρ бер мар март нау сак մար մրտ מרץ آذار مار مارس مارچ मार्च \
     মার্চ மார் మార్చి มี.ค მარ 三月",
    "th04 th4 abr aib api apr april avr avril bal cuo cuoŋ dub d’abr ebr gibl huhti kra kwi m04 nis pri tra yeb \
     ápr απρ апр кві квіт кра сәу ապր אפר אפר׳ آوریل أبر أبريل أفريل اپریل نيسان अप्रैल এপ্রি এপ্রিল ஏப் \
     ఏప్రి เม.ย აპრ 四月",
    "th05 th5 beal cèit geg kvě m05 mae mag mai maig maijs maio maj may maí maý mee mei mej mies máj svi touko μάι \
     μαΐ май мам мая мај тра трав մայ մյս מאי أيار مئی ماي مايو مه मई মে மே మే พ.ค მაი 五月",
    "june th06 th6 birž chn cze djn eka geas giu haz hun iun iyn iýn iýun i̇yn juin jun junh juni juny juuni jún jūn \
     kesä m06 meh meith mezh qer xun xuñ xuño yun yün ògmh čen čer čvn ġun ιουν ιούν июн июнь мау чер \
     черв чэр юни јун հնս יונ יוני جوان جون حزيران يون يونيو ژوئن जून জুন ஜூன் జూన్ มิ.ย ივნ 六月",
    "july th07 th7 chl djl gor gorff gou goue heinä hul iuch iul iyl iúil iýl iýul i̇yl jui juil jul juli juuli júl jūl \
     kor korr liep lip lug lul m07 suoi tem uzt xnt xul yul yül čec čvc ιουλ ιούλ июл июль лип ліп шіл \
     юли јул հլս יול יולי تموز جولائی جولای جويلية يول يوليو يوليوز ژوئیه जुल॰ জুল জুলাই ஜூலை జులై ก.ค \
     ივლ 七月",
    "august th08 th8 abu ag ago agu aoû août aug avg avq awg awo aws awst aww ağu aŭg borg d’ag elo eos eost gsh gush kol \
     lùna lún m08 ogo ogos rugp sie srp ágú žni ɣuc αυγ αύγ авг жні сер серп там օգս אוג אוג׳ آب آقۇست \
     أغس أغسطس أوت اوت اگست غشت अग॰ আগ আগস্ট ஆக ఆగ ส.ค აგვ 八月",
    "september th09 th9 cte eyl gwe gwen ira m09 med medi mfómh rugs ruj sen sep sept set sht sin sult syys szept vie wrz \
     zář čakč σεπ вер сен сент сеп қыр սեպ ספט ספט׳ أيلول سبت سبتمبر ستمبر سپتامبر شتنبر सित॰ সেপ সেপ্ট \
     সেপ্টেম্বর செப் సెప్టెం ก.ย სექ 九月",
    "october th10 dfómh dàmh d’oct eki golg her here hyd loka m10 och oct okt ott out paź spal tet tub urr ükt říj οκτ \
     жов жовт кас окт қаз հոկ אוק אוק׳ أكت أكتوبر اكتبر اوْکتوْبر اکتبر اکتوبر अक्टू॰ अक्तू॰ অক্টো \
     অক্টোবর அக் అక్టో ต.ค ოქტ 十月",
    "november th11 aza du kas lapkr lis m11 marras nob nov now noy noý nun nën nóv nôv pay samh skáb stu tach wam νοέ \
     νοε лис лист ліс нов ное ноя нояб қар նմբ նոյ נוב נוב׳ نوامبر نوف نوفمبر نومبر نونبر نوْوامبر नव॰ \
     নভে নভেম্বর நவ నవం พ.ย ნოე 十一月",
    "december th12 abe ara avi dec dek des dets dez dhj dic dik dis diċ duj duǧ déc dùbh gru gruod joulu juov ker kzu \
     m12 noll pro rha rhag śni δεκ гру груд дек дец жел сне դեկ דצמ דצמ׳ دجنبر دسامبر دسمبر ديس ديسمبر \
     दिस॰ ডিসে ডিসেম্বর டிச డిసెం ธ.ค დეკ 十二月",
];

/// The longest name, in bytes.
const LONGEST: usize = 32;

/// The longest name of nothing but ASCII, and a dot.
const LONGEST_PLAIN: usize = 10;

/// How many names there are.
const COUNT: usize = {
    let (mut count, mut month) = (0, 0);
    while month < NAMES.len() {
        count += 1;
        let (names, mut at) = (NAMES[month].as_bytes(), 0);
        while at < names.len() {
            count += (names[at] == b' ') as usize;
            at += 1;
        }
        month += 1;
    }
    count
};

/// All names in their order, with their months. An array: the first line that asks allocates nothing either.
static SORTED: LazyLock<[(&str, u8); COUNT]> = LazyLock::new(|| {
    let mut all = [("", 0); COUNT];
    let names =
        (1..=12).zip(NAMES).flat_map(|(month, names)| names.split(' ').map(move |name| (name, month)));
    for (place, name) in all.iter_mut().zip(names) {
        *place = name;
    }
    all.sort_unstable();
    all
});

/// The month that a word means: a name of any language in any case, a dot after it or none, or a
/// number before the Chinese and Japanese sign or the Korean one (`1月`, `1월`).
pub(super) fn month(word: &[u8]) -> Option<u8> {
    if let Ok(name) = word.try_into()
        && let Some(month) = month_number(name)
    {
        return Some(month);
    }
    // Every line's first words are asked.
    if word.is_empty() || word.len() > LONGEST || word.len() > LONGEST_PLAIN && word.is_ascii() {
        return None;
    }
    let word = core::str::from_utf8(word).ok()?;
    let numbered = word.strip_suffix('月').or_else(|| word.strip_suffix('월'));
    if let Some(month) = numbered.and_then(|digits| digits.parse::<u8>().ok()) {
        return (1..=12).contains(&month).then_some(month);
    }
    let mut lower = [0; 2 * LONGEST];
    let mut len = 0;
    for letter in word.strip_suffix('.').unwrap_or(word).chars().flat_map(char::to_lowercase) {
        len += letter.encode_utf8(lower.get_mut(len..len + 4)?).len();
    }
    let name = core::str::from_utf8(&lower[..len]).ok()?;
    let at = SORTED.binary_search_by_key(&name, |(known, _)| *known).ok()?;
    Some(SORTED[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_many_languages_are_known() {
        let groups = [
            (1, "Jan jan. JAN janv. ene gen sty янв Янв. led 1月 01月 1월 ιαν"),
            (2, "Feb févr. fev lut úno фев 2月"),
            (3, "Mar mars Mär mrt márc 3月"),
            (5, "May mai mag maj май May. 5月"),
            (7, "jul juil. lug lip июл čec Tem 7月"),
            (8, "aoû août ago sie srp авг ağu 8月"),
            (10, "Okt oct. Ott paź říj окт 10月"),
            (11, "lis nov. ноя marras 11月"),
            (12, "dez Déc. dic gru pro дек joulu 12月 12월"),
        ];
        for (number, words) in groups {
            for word in words.split(' ') {
                assert_eq!(month(word.as_bytes()), Some(number), "{word}");
            }
        }
        assert!(SORTED.iter().all(|(name, _)| name.len() < LONGEST_PLAIN || !name.is_ascii()));
        assert!(SORTED.iter().all(|(name, month)| !name.is_empty() && (1..=12).contains(month)));
        for word in ["", ".", "IN=eth0", "DROP", "gw", "13月", "0月", "月"] {
            assert_eq!(month(word.as_bytes()), None, "{word}");
        }
    }
}
