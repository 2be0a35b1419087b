//! The language that a completion is written in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_script::{Script, UnicodeScript};
use whatlang::{Detector, Lang};

use super::part::{Part, PartFinder};
use crate::spec::Settings;
use crate::{Reward, RewardError, Sample, Score};

/// 1 where the completion is written in the wanted language, 0 where it is not.
///
/// Two things are looked at. The letters must belong to the language's script, but for a share that formulas and names
/// may take; this holds for texts of any length, and catches what switches to another script on the way. Then
/// the language is told by its frequent three-letter sequences (Cavnar and Trenkle 1994, by the library
/// `whatlang`, which knows 70 languages). That needs some text: one in the right script with fewer letters than
/// `min_letters` is not judged (not applicable). A text of which more than one language may be the source is
/// wrong only if the wanted one is not the likeliest.
///
/// Of a long text, eight pieces of 512 characters at even distances are read.
///
/// ```
/// use grpo_rewards::{Reward, RewardSpec, Sample, text::Language};
/// let reward = RewardSpec::new(Language { language: Some("de".into()), ..Default::default() }).build()?;
/// let score = |completion| reward.score(&Sample::new("", completion));
/// assert_eq!(score("Sechs mal sieben ist zweiundvierzig, also bleibt nichts übrig.").unwrap().value, 1.0);
/// assert_eq!(score("Six times seven is forty-two, so there is nothing left over.").unwrap().value, 0.0);
/// assert_eq!(score("42"), None);
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    /// The wanted language: its code of two letters (ISO 639-1: `"en"`) or three (ISO 639-3: `"eng"`), or its
    /// English name. Default: what the row's field `language` says; not applicable to rows that do not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The languages that come into question, the wanted one aside. Fewer of them are told apart more surely.
    /// Default: none named, which stands for all 70.
    pub among: Vec<String>,
    /// How many letters are needed to tell the language. Default: 40.
    pub min_letters: usize,
    /// The least share of letters in the language's script, from 0 to 1. Default: 0.9.
    pub min_script: f64,
    /// How sure the library must be that it is the wanted language, from 0 to 1. Default: 0, the likeliest
    /// language is enough.
    pub min_confidence: f64,
    /// Which part of the completion is judged. Default: the whole.
    pub part: Part,
}

impl Default for Language {
    fn default() -> Self {
        Self {
            language: None,
            among: Vec::new(),
            min_letters: 40,
            min_script: 0.9,
            min_confidence: 0.0,
            part: Part::default(),
        }
    }
}

impl Settings for Language {
    fn kind(&self) -> &'static str {
        "language"
    }

    fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        let read = |key: &str, name: &str| {
            language(name).ok_or_else(|| {
                let fix = "use a code such as \"en\" or \"eng\", or an English name";
                RewardError::invalid(key, format!("{name:?} is not a language that can be told"), fix)
            })
        };
        let wanted = self.language.as_deref().map(|name| read("language", name)).transpose()?;
        let among = self.among.iter().enumerate().map(|(index, name)| read(&format!("among[{index}]"), name));
        for (key, share) in [("min_script", self.min_script), ("min_confidence", self.min_confidence)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(RewardError::invalid(key, format!("is {share}"), "use a share from 0 to 1"));
            }
        }
        Ok(Box::new(Checker {
            settings: self.clone(),
            wanted,
            among: among.collect::<Result<_, _>>()?,
            part: self.part.finder()?,
        }))
    }
}

struct Checker {
    settings: Language,
    wanted: Option<Lang>,
    among: Vec<Lang>,
    part: PartFinder,
}

impl Reward for Checker {
    fn name(&self) -> &str {
        self.settings.kind()
    }

    fn score(&self, sample: &Sample<'_>) -> Option<Score> {
        let wanted = match (self.wanted, sample.field("language")) {
            (Some(wanted), _) => wanted,
            (None, None | Some(Value::Null)) => return None,
            (None, Some(field)) => match field.as_str().and_then(language) {
                Some(wanted) => wanted,
                None => {
                    return Some(Score::failed(format!(
                        "the row's `language` is `{field}`, not a language that can be told"
                    )));
                }
            },
        };
        let text = match self.part.find(sample.completion) {
            Ok(text) => text,
            Err(why) => return Some(Score::new(0.0, why)),
        };
        self.judge(&pieces(&text), wanted)
    }
}

impl Checker {
    fn judge(&self, text: &str, wanted: Lang) -> Option<Score> {
        let (own, all) = letters(text, wanted);
        if all == 0 {
            return None;
        }
        let (name, share) = (wanted.eng_name(), own as f64 / all as f64);
        if share < self.settings.min_script {
            let reason = format!("only {:.0}% of the letters are of {name}'s script", share * 100.0);
            return Some(Score::new(0.0, reason));
        }
        if all < self.settings.min_letters {
            return None;
        }
        let detector = match self.among.as_slice() {
            [] => Detector::new(),
            among => Detector::with_allowlist(among.iter().copied().chain([wanted]).collect()),
        };
        let Some(found) = detector.detect(text) else {
            return Some(Score::new(0.0, "in no language that can be told"));
        };
        let (likeliest, confidence) = (found.lang(), found.confidence());
        let right = likeliest == wanted && confidence >= self.settings.min_confidence;
        let mut reason = format!("{}, with confidence {confidence:.2}", likeliest.eng_name());
        if likeliest != wanted {
            reason.push_str(&format!("; wanted {name}"));
        } else if !right {
            reason.push_str(&format!("; wanted at least {}", self.settings.min_confidence));
        }
        Some(Score::new(f64::from(u8::from(right)), reason).with_extracted(likeliest.code()))
    }
}

/// How many pieces of a long text are read, and how many characters each has.
const PIECES: usize = 8;
const PIECE: usize = 512;

/// The text, or pieces of it at even distances where it is long: what a person would read to tell its language.
fn pieces(text: &str) -> Cow<'_, str> {
    if text.len() <= PIECES * PIECE {
        return Cow::Borrowed(text);
    }
    let piece = |index: usize| {
        let start = text.floor_char_boundary(text.len() / PIECES * index);
        text[start..].chars().take(PIECE).collect::<String>()
    };
    Cow::Owned((0..PIECES).map(piece).collect::<Vec<_>>().join(" "))
}

/// How many letters are of the language's script, and how many there are. Letters that every script uses (of
/// formulas, say) are left aside.
fn letters(text: &str, language: Lang) -> (usize, usize) {
    let scripts = scripts(language);
    let letters = text.chars().filter(|c| c.is_alphabetic()).map(|c| c.script());
    letters
        .filter(|script| !matches!(script, Script::Common | Script::Inherited))
        .fold((0, 0), |(own, all), script| (own + usize::from(scripts.contains(&script)), all + 1))
}

/// What the language is written in.
fn scripts(language: Lang) -> Vec<Script> {
    let own = whatlang::Script::all().iter().filter(|script| script.langs().contains(&language));
    own.flat_map(|script| unicode(*script)).copied().collect()
}

/// The library's scripts in Unicode's terms. The Chinese characters belong to Japanese and Korean as well.
fn unicode(script: whatlang::Script) -> &'static [Script] {
    use whatlang::Script as Known;
    match script {
        Known::Arabic => &[Script::Arabic],
        Known::Armenian => &[Script::Armenian],
        Known::Bengali => &[Script::Bengali],
        Known::Cyrillic => &[Script::Cyrillic],
        Known::Devanagari => &[Script::Devanagari],
        Known::Ethiopic => &[Script::Ethiopic],
        Known::Georgian => &[Script::Georgian],
        Known::Greek => &[Script::Greek],
        Known::Gujarati => &[Script::Gujarati],
        Known::Gurmukhi => &[Script::Gurmukhi],
        Known::Hangul => &[Script::Hangul, Script::Han],
        Known::Hebrew => &[Script::Hebrew],
        Known::Hiragana => &[Script::Hiragana, Script::Han],
        Known::Kannada => &[Script::Kannada],
        Known::Katakana => &[Script::Katakana, Script::Han],
        Known::Khmer => &[Script::Khmer],
        Known::Latin => &[Script::Latin],
        Known::Malayalam => &[Script::Malayalam],
        Known::Mandarin => &[Script::Han, Script::Bopomofo],
        Known::Myanmar => &[Script::Myanmar],
        Known::Oriya => &[Script::Oriya],
        Known::Sinhala => &[Script::Sinhala],
        Known::Tamil => &[Script::Tamil],
        Known::Telugu => &[Script::Telugu],
        Known::Thai => &[Script::Thai],
    }
}

/// A language by its code of two or three letters or its English name.
fn language(name: &str) -> Option<Lang> {
    let name = name.trim().to_ascii_lowercase();
    let long = TWO_LETTERS.iter().find(|(short, _)| *short == name).map_or(name.as_str(), |(_, long)| long);
    let named = |language: &&Lang| language.eng_name().eq_ignore_ascii_case(long);
    Lang::from_code(long).or_else(|| Lang::all().iter().find(named).copied())
}

/// ISO 639-1 and ISO 639-3 of the library's languages, with the codes of the macro-languages that they stand for.
const TWO_LETTERS: &[(&str, &str)] = &[
    ("af", "afr"),
    ("ak", "aka"),
    ("am", "amh"),
    ("ar", "ara"),
    ("az", "aze"),
    ("be", "bel"),
    ("bg", "bul"),
    ("bn", "ben"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("cy", "cym"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("eo", "epo"),
    ("es", "spa"),
    ("et", "est"),
    ("fa", "pes"),
    ("fi", "fin"),
    ("fr", "fra"),
    ("gu", "guj"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("hy", "hye"),
    ("id", "ind"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("jv", "jav"),
    ("ka", "kat"),
    ("km", "khm"),
    ("kn", "kan"),
    ("ko", "kor"),
    ("la", "lat"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("mk", "mkd"),
    ("ml", "mal"),
    ("mr", "mar"),
    ("my", "mya"),
    ("nb", "nob"),
    ("ne", "nep"),
    ("nl", "nld"),
    ("no", "nob"),
    ("or", "ori"),
    ("pa", "pan"),
    ("pl", "pol"),
    ("pt", "por"),
    ("ro", "ron"),
    ("ru", "rus"),
    ("si", "sin"),
    ("sk", "slk"),
    ("sl", "slv"),
    ("sn", "sna"),
    ("sr", "srp"),
    ("sv", "swe"),
    ("ta", "tam"),
    ("te", "tel"),
    ("th", "tha"),
    ("tk", "tuk"),
    ("tl", "tgl"),
    ("tr", "tur"),
    ("uk", "ukr"),
    ("ur", "urd"),
    ("uz", "uzb"),
    ("vi", "vie"),
    ("yi", "yid"),
    ("zh", "cmn"),
    ("zu", "zul"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_script_and_a_code_of_two_letters() {
        for known in Lang::all() {
            assert!(!scripts(*known).is_empty(), "{known:?}");
            let short = TWO_LETTERS.iter().find(|(_, long)| *long == known.code());
            let (short, _) = short.unwrap_or_else(|| panic!("no code for {known:?}"));
            assert_eq!(language(short), Some(*known));
            assert_eq!(language(known.eng_name()), Some(*known));
            assert_eq!(language(known.code()), Some(*known));
        }
        assert_eq!(language("Klingon"), None);
    }
}
