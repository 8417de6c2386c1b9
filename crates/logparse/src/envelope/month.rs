//! Names of months in the languages that glibc and journalctl print.
//!
//! Responsible for: which month a name means, in any case, with or without a dot after it.
//! Must not know: stamps.
//! Tested by: the unit tests below, `tests/suites/envelopes.rs`.
//!
//! The names are `abmon` and `ab_alt_mon` of glibc's locale sources: 56 languages. Five names mean
//! one month in one language and another in another (`lis`: November in Polish, October in
//! Croatian); the table has the month of the language that more people write.

/// The abbreviated names of each month, in lower case and without dots.
const NAMES: [&str; 12] = [
    "ean ene gen ian ion jaan jan janv jän led oca saus sij stu sty tammi urt xan yan \
     ιαν сту янв яну јан қаң հնվ ינו جانفي ينا يناير ژانویه जन॰ জানু ஜன జన ม.ค 一月",
    "chw feabh feb febr fev fév févr helmi lut ots shk vas veebr velj úno şub φεβ ақп \
     лют феб фев փտր פבר شباط فبر فبراير فوریه فيفري फ़र॰ ফেব பிப் ఫిబ్ర ก.พ 二月",
    "bře kov maalis mac mar mars març maw mrt márc márta mär märts ožu sak μάρ μαρ \
     мар нау сак մար מרץ آذار مار مارس मार्च মার্চ மார் మార్చి มี.ค 三月",
    "abr aib api apr april avr avril bal dub d’abr ebr huhti kra kwi nis pri tra ápr \
     απρ апр кра сәу ապր אפר آوریل أبر أبريل أفريل نيسان अप्रैल এপ্রিল ஏப் ఏప్రి เม.ย \
     四月",
    "beal geg kvě mag mai maig maj may maí mei máj svi touko μάι μαΐ май мам мая мај \
     մայ מאי أيار مئی ماي مايو مه मई মে மே మే พ.ค 五月",
    "birž cze eka giu haz iun iyn i̇yn juin jun juni juny juuni jún jūn kesä meh \
     meith qer xuñ čen čer ιουν ιούν июн мау чэр юни јун հնս יונ جوان حزيران يون \
     يونيو ژوئن जून জুন ஜூன் జూన్ มิ.ย 六月",
    "gor heinä iul iyl iúil i̇yl jui juil jul juli juuli júl jūl kor liep lip lug tem \
     uzt xul čec ιουλ ιούλ июл ліп шіл юли јул հլս יול تموز جولای جويلية يول يوليو \
     يوليوز ژوئیه जुल॰ জুলাই ஜூலை జులై ก.ค 七月",
    "abu ag ago agu aoû août aug avg avq aws ağu aŭg d’ag elo gsh kol lún ogos rugp \
     sie srp ágú žni αυγ αύγ авг жні там օգս אוג آب آقۇست أغس أغسطس أوت اوت غشت अग॰ \
     আগস্ট ஆக ఆగ ส.ค 八月",
    "eyl ira med mfómh rugs ruj sen sep sept set sht syys szept vie wrz zář σεπ вер \
     сен сеп қыр սեպ ספט أيلول سبت سبتمبر سپتامبر شتنبر सित॰ সেপ্টেম্বর செப் సెప్టెం \
     ก.ย 九月",
    "dfómh d’oct eki hyd loka oct okt ott out paź spal tet urr říj οκτ кас окт \
     қаз հոկ אוק أكت أكتوبر اكتبر اوْکتوْبر अक्तू॰ অক্টোবর அக் అక్టో ต.ค 十月",
    "aza lapkr lis marras nov noy nën nóv samh tach νοέ νοε ліс нов ное ноя қар նմբ \
     נוב نوامبر نوف نوفمبر نونبر نوْوامبر नव॰ নভেম্বর நவ నవం พ.ย 十一月",
    "abe ara dec dek des dets dez dhj dic dis déc gru gruod joulu noll pro rha śni \
     δεκ дек дец жел сне դեկ דצמ دجنبر دسامبر ديس ديسمبر दिस॰ ডিসেম্বর டிச డిసెం ธ.ค \
     十二月",
];

/// The longest name, in bytes.
const LONGEST: usize = 32;

/// The month that a word means: a name of any language in any case, a dot after it or none, or a
/// number before the Chinese and Japanese sign or the Korean one (`1月`, `1월`).
pub(super) fn month(word: &[u8]) -> Option<u8> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = core::str::from_utf8(word).ok()?;
    let numbered = word.strip_suffix('月').or_else(|| word.strip_suffix('월'));
    if let Some(month) = numbered.and_then(|digits| digits.parse::<u8>().ok()) {
        return (1..=12).contains(&month).then_some(month);
    }
    let word = word.strip_suffix('.').unwrap_or(word);
    let same = |name: &str| name.chars().eq(word.chars().flat_map(char::to_lowercase));
    let month = NAMES.iter().position(|names| names.split(' ').any(same))?;
    Some(month as u8 + 1)
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
        for word in ["", ".", "IN=eth0", "DROP", "gw", "13月", "0月", "月"] {
            assert_eq!(month(word.as_bytes()), None, "{word}");
        }
    }
}
