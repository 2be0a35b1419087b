//! Differences between texts that shall not count.

use std::borrow::Cow;

use unicase::UniCase;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// Which differences between two texts do not count. White space at both ends never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Characters that stand for the same, by Unicode's form NFKC: `ﬁ` and `fi`, `²` and `2`, `é` in one
    /// character or in two.
    pub compatibility: bool,
    /// Capital and small letters, by Unicode's full case folding: `STRASSE` and `Straße`.
    pub case: bool,
    /// Punctuation, which is left out.
    pub punctuation: Punctuation,
    /// The words `a`, `an` and `the`, which are left out.
    pub articles: bool,
    /// How much white space there is between words.
    pub spaces: bool,
}

/// What is left out as punctuation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Punctuation {
    /// Nothing.
    #[default]
    Kept,
    /// Everything but letters, digits, the marks that belong to letters, and white space.
    AllButLetters,
    /// ASCII punctuation, symbols such as `$` among it, and whatever else Unicode calls punctuation.
    Left,
}

impl Normal {
    /// The normal form of SQuAD's evaluation (Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine
    /// Comprehension of Text", `normalize_answer` of `evaluate-v1.1.py`), for all of Unicode: there only ASCII
    /// punctuation is left out, and characters that stand for the same differ.
    pub(crate) const SQUAD: Self = Self {
        compatibility: true,
        case: true,
        punctuation: Punctuation::Left,
        articles: true,
        spaces: true,
    };

    pub(crate) fn form<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text.trim());
        if self.compatibility && !text.is_ascii() && !is_nfkc(&text) {
            text = Cow::Owned(text.nfkc().collect());
        }
        if self.case {
            text = Cow::Owned(fold_case(&text));
        }
        match self.punctuation {
            Punctuation::Kept => {}
            Punctuation::AllButLetters => text = kept(&text, |c| c.is_whitespace() || is_letter(c)),
            Punctuation::Left => text = kept(&text, |c| !is_punctuation(c)),
        }
        if self.articles {
            text = Cow::Owned(without_articles(&text, self.case));
        }
        if self.spaces {
            text = Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        text
    }
}

fn fold_case(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { UniCase::unicode(text).to_folded_case() }
}

fn kept(text: &str, keep: impl Fn(char) -> bool) -> Cow<'static, str> {
    let kept: String = text.chars().filter(|c| keep(*c)).collect();
    Cow::Owned(kept.trim().to_owned())
}

/// Letters and digits, with the accents and vowel signs that belong to them.
fn is_letter(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    c.is_alphanumeric()
        || !c.is_ascii() && matches!(get_general_category(c), NonspacingMark | SpacingMark | EnclosingMark)
}

fn is_punctuation(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation,
        OpenPunctuation, OtherPunctuation,
    };
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(
        get_general_category(c),
        ClosePunctuation
            | ConnectorPunctuation
            | DashPunctuation
            | FinalPunctuation
            | InitialPunctuation
            | OpenPunctuation
            | OtherPunctuation
    )
}

/// Each article becomes a space, as SQuAD's `\b(a|an|the)\b` does: `a-ha` loses its `a`.
fn without_articles(text: &str, folded: bool) -> String {
    let in_word = |c: char| c == '_' || is_letter(c);
    let is_article = |word: &str| match folded {
        true => matches!(word, "a" | "an" | "the"),
        false => ["a", "an", "the"].iter().any(|article| word.eq_ignore_ascii_case(article)),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = &rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())];
        out.push_str(if is_article(word) { " " } else { word });
        rest = &rest[word.len()..];
        let gap = &rest[..rest.find(in_word).unwrap_or(rest.len())];
        out.push_str(gap);
        rest = &rest[gap.len()..];
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_by_itself() {
        let none = Normal::default();
        assert_eq!(none.form("  The ﬁrst, É. \n"), "The ﬁrst, É.");
        let form = |normal: Normal, text: &str| normal.form(text).into_owned();
        assert_eq!(form(Normal { compatibility: true, ..none }, "ﬁ x² Ｂ e\u{301}"), "fi x2 B é");
        assert_eq!(form(Normal { case: true, ..none }, "STRAẞE Straße ΟΔΟΣ"), "strasse strasse οδοσ");
        let letters = Normal { punctuation: Punctuation::AllButLetters, ..none };
        assert_eq!(form(letters, "«e\u{301}t\u{301}é», 5 €!"), "e\u{301}t\u{301}é 5");
        let left = Normal { punctuation: Punctuation::Left, ..none };
        assert_eq!(form(left, "“5 €”, $6_—7"), "5 € 67");
        assert_eq!(
            form(Normal { articles: true, ..none }, "The cat, a dog and another"),
            "cat,   dog and another"
        );
        assert_eq!(form(Normal { spaces: true, ..none }, "a \t\u{a0} b"), "a b");
        assert_eq!(form(Normal::SQUAD, "The  U.S.A., an “Ally”"), "usa ally");
    }
}
