//! Rewards as configuration: what a recipe's `[[rewards]]` tables say.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use crate::compose::{Clip, First, Gate, Normalized, PassAtK, Product, Rank, Sum};
use crate::diversity::Diversity;
use crate::external::{ChildProcess, HttpService};
use crate::item::ItemScore;
use crate::length::{CosineLength, SoftOverlong, TargetLength};
use crate::math::MathAnswer;
use crate::number::RightNumber;
use crate::repetition::Repetition;
use crate::text::{
    CodeBlock, ExactMatch, Format, InitialShare, JsonSchema, Keywords, Language, LetterShare, MultipleChoice,
    NormalizedMatch, Pattern, Tags, TokenF1, WordsPerSentence,
};
use crate::{Reward, RewardError};

/// One entry of a recipe's list of rewards: which reward, how much it counts, what it is called.
///
/// ```
/// use grpo_rewards::{RewardKind, RewardSet, RewardSpec};
///
/// let specs: Vec<RewardSpec> = serde_json::from_str(
///     r#"[{ "kind": "exact_match", "weight": 0.2, "name": "same" }]"#,
/// ).unwrap();
/// assert_eq!(specs[0].name(), "same");
/// let set = RewardSet::from_specs(&specs)?;
/// # Ok::<(), grpo_rewards::RewardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewardSpec {
    /// The name in metrics and reports. Default: the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The factor in the combined reward; 0 keeps the reward as a metric only. Default: 1.
    pub weight: f64,
    /// Which reward, with its settings.
    #[serde(flatten)]
    pub kind: RewardKind,
}

/// Which reward, with its settings. In a file: the key `kind` beside the settings themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RewardKind {
    /// The final answer is the right number.
    Number(RightNumber),
    /// The final answer is the right one, as mathematics.
    #[serde(rename = "math")]
    MathAnswer(MathAnswer),
    /// Working first, then the answer after its marker, once.
    Format(Format),
    /// Tags in order, each exactly once.
    Tags(Tags),
    /// The completion is the reference.
    ExactMatch(ExactMatch),
    /// The completion is the reference but for case, punctuation, articles and white space (SQuAD).
    NormalizedMatch(NormalizedMatch),
    /// The words that the completion shares with the reference (SQuAD).
    #[serde(rename = "f1")]
    TokenF1(TokenF1),
    /// The option of the reference was chosen.
    MultipleChoice(MultipleChoice),
    /// JSON that fits a schema.
    JsonSchema(JsonSchema),
    /// Exactly one code block.
    #[serde(rename = "code_fence")]
    CodeBlock(CodeBlock),
    /// Written in the wanted language.
    Language(Language),
    /// A regular expression matches.
    #[serde(rename = "regex")]
    Pattern(Pattern),
    /// DAPO's punishment of completions near the length limit.
    SoftOverlong(SoftOverlong),
    /// Close to a wanted length.
    #[serde(rename = "length")]
    TargetLength(TargetLength),
    /// Right and short, or wrong but tried.
    CosineLength(CosineLength),
    /// Few repeated n-grams.
    Repetition(Repetition),
    /// Much of one letter.
    LetterShare(LetterShare),
    /// Many words that begin with one letter.
    InitialShare(InitialShare),
    /// Sentences of a wanted length.
    WordsPerSentence(WordsPerSentence),
    /// Contains certain words.
    Keywords(Keywords),
    /// Unlike the other completions of the group.
    Diversity(Diversity),
    /// The weighted sum of several.
    Sum(Sum),
    /// The product of several.
    Product(Product),
    /// One behind a condition.
    Gate(Gate),
    /// The first of several that applies.
    First(First),
    /// One between bounds.
    Clip(Clip),
    /// One in units of its own spread.
    Normalized(Normalized),
    /// The place within the group.
    Rank(Rank),
    /// Credit that trains pass@k.
    PassAtK(PassAtK),
    /// What the question itself says.
    #[serde(rename = "item")]
    ItemScore(ItemScore),
    /// What another program says.
    #[serde(rename = "process")]
    ChildProcess(ChildProcess),
    /// What a service says.
    #[serde(rename = "http")]
    HttpService(HttpService),
}

/// What the settings of every kind can do.
pub(crate) trait Settings {
    /// The kind's name in a configuration, and the default name of its reward.
    fn kind(&self) -> &'static str;

    /// Whether the reward compares with a reference, and so has nothing to say without one.
    fn needs_reference(&self) -> bool {
        false
    }

    /// Fields of a row of data that serve in place of a reference, or beside it.
    fn reference_fields(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Checks the values and prepares the reward.
    fn build(&self) -> Result<Box<dyn Reward>, RewardError>;
}

pub(crate) fn positive(key: &str, value: f64) -> Result<(), RewardError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(RewardError::invalid(key, format!("is {value}"), "use a number above 0"))
}

pub(crate) fn finite(key: &str, value: f64) -> Result<(), RewardError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(RewardError::invalid(key, format!("is {value}"), "use a finite number"))
}

impl RewardKind {
    /// The name in a configuration: `number`, `exact_match`...
    pub fn kind(&self) -> &'static str {
        self.settings().kind()
    }

    /// Checks the settings and prepares the reward.
    pub(crate) fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        self.settings().build()
    }

    /// Makes the paths of files (a JSON schema) absolute, which are seen from the working directory: so they can be written down for
    /// a later day. Commands of programs stay as they are.
    ///
    /// # Errors
    /// When there is no working directory.
    pub fn make_paths_absolute(&mut self) -> std::io::Result<()> {
        match self {
            Self::JsonSchema(settings) => settings.make_paths_absolute(),
            Self::CosineLength(settings) => settings.verifier.make_paths_absolute(),
            Self::Sum(Sum { of }) | Self::Product(Product { of }) | Self::First(First { of }) => {
                of.iter_mut().try_for_each(|spec| spec.kind.make_paths_absolute())
            }
            Self::Gate(gate) => {
                gate.condition.kind.make_paths_absolute()?;
                gate.reward.kind.make_paths_absolute()
            }
            Self::Clip(Clip { of, .. })
            | Self::Normalized(Normalized { of, .. })
            | Self::Rank(Rank { of })
            | Self::PassAtK(PassAtK { of, .. }) => of.kind.make_paths_absolute(),
            Self::Number(_)
            | Self::MathAnswer(_)
            | Self::Format(_)
            | Self::Tags(_)
            | Self::ExactMatch(_)
            | Self::NormalizedMatch(_)
            | Self::TokenF1(_)
            | Self::MultipleChoice(_)
            | Self::Pattern(_)
            | Self::CodeBlock(_)
            | Self::Language(_)
            | Self::SoftOverlong(_)
            | Self::TargetLength(_)
            | Self::Repetition(_)
            | Self::LetterShare(_)
            | Self::InitialShare(_)
            | Self::WordsPerSentence(_)
            | Self::Keywords(_)
            | Self::Diversity(_)
            | Self::ItemScore(_)
            | Self::ChildProcess(_)
            | Self::HttpService(_) => Ok(()),
        }
    }

    /// Whether it compares the completion with a reference, and so has nothing to say about a sample that has neither
    /// one nor any of the [fields](Self::reference_fields) that serve as one.
    pub fn needs_reference(&self) -> bool {
        self.settings().needs_reference()
    }

    /// The fields of a row of data that serve in place of a reference, or beside it: `references` for those that
    /// accept several answers. Sorted, each once.
    ///
    /// ```
    /// use grpo_rewards::{RewardKind, number::RightNumber, text::TokenF1};
    /// assert_eq!(RewardKind::from(TokenF1::default()).reference_fields(), ["references"]);
    /// assert!(RewardKind::from(RightNumber::default()).reference_fields().is_empty());
    /// ```
    pub fn reference_fields(&self) -> Vec<&'static str> {
        let mut fields = self.settings().reference_fields();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

impl RewardSpec {
    /// That reward with weight 1 under its default name.
    pub fn new(kind: impl Into<RewardKind>) -> Self {
        Self { name: None, weight: 1.0, kind: kind.into() }
    }

    /// Changes the weight.
    pub fn weighted(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Changes the name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The name in metrics and reports.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.kind.kind())
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`RewardError::Invalid`] with the key and what would fix it.
    pub fn validate(&self) -> Result<(), RewardError> {
        self.build().map(drop)
    }

    /// Checks every value and prepares the reward (compiles patterns and so on). The weight is not applied:
    /// that is the business of a [`RewardSet`](crate::RewardSet).
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn build(&self) -> Result<Box<dyn Reward>, RewardError> {
        if !self.weight.is_finite() {
            let problem = format!("the weight is {}", self.weight);
            return Err(RewardError::invalid("weight", problem, "use a finite number such as 1.0"));
        }
        if let Some(name) = &self.name
            && (name.is_empty() || name.chars().any(|c| c.is_control() || c == '/'))
        {
            let problem = format!("{name:?} cannot name a metric");
            return Err(RewardError::invalid("name", problem, "use letters, digits, `_`, `-` or `.`"));
        }
        self.kind.build()
    }
}

impl<'de> Deserialize<'de> for RewardSpec {
    /// serde can refuse unknown keys or flatten, not both: so `name` and `weight` are taken out by hand and
    /// the kind's own settings, which refuse unknown keys, get the rest.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = serde_json::Map::deserialize(deserializer)?;
        let name = match keys.remove("name") {
            Some(serde_json::Value::String(name)) => Some(name),
            None => None,
            Some(other) => return Err(D::Error::custom(format!("`name` must be a text, not `{other}`"))),
        };
        let weight = match keys.remove("weight") {
            Some(value) => value.as_f64().ok_or_else(|| {
                D::Error::custom(format!("`weight` must be a finite number, not `{value}`"))
            })?,
            None => 1.0,
        };
        let kind = serde_json::from_value(serde_json::Value::Object(keys))
            .map_err(|error| D::Error::custom(format!("in a reward: {error}")))?;
        Ok(Self { name, weight, kind })
    }
}

/// The table of kinds: which settings belong to which variant.
macro_rules! kinds {
    ($($variant:ident($settings:ty)),* $(,)?) => {
        impl RewardKind {
            /// The settings, whichever they are.
            fn settings(&self) -> &dyn Settings {
                match self {
                    $(Self::$variant(settings) => settings,)*
                }
            }
        }

        $(impl From<$settings> for RewardKind {
            fn from(settings: $settings) -> Self {
                Self::$variant(settings)
            }
        })*
    };
}

kinds! {
    Number(RightNumber),
    MathAnswer(MathAnswer),
    Format(Format),
    Tags(Tags),
    ExactMatch(ExactMatch),
    NormalizedMatch(NormalizedMatch),
    TokenF1(TokenF1),
    MultipleChoice(MultipleChoice),
    JsonSchema(JsonSchema),
    CodeBlock(CodeBlock),
    Language(Language),
    Pattern(Pattern),
    SoftOverlong(SoftOverlong),
    TargetLength(TargetLength),
    CosineLength(CosineLength),
    Repetition(Repetition),
    LetterShare(LetterShare),
    InitialShare(InitialShare),
    WordsPerSentence(WordsPerSentence),
    Keywords(Keywords),
    ItemScore(ItemScore),
    Diversity(Diversity),
    Sum(Sum),
    Product(Product),
    Gate(Gate),
    First(First),
    Clip(Clip),
    Normalized(Normalized),
    Rank(Rank),
    PassAtK(PassAtK),
    ChildProcess(ChildProcess),
    HttpService(HttpService),
}
