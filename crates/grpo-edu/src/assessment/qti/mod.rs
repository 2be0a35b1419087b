//! QTI 2.1, 2.2 and 3.0: items and content packages of 1EdTech's "Question and Test Interoperability".
//!
//! [`read_item`] reads one item, [`Package::open`] all items of a zip file or folder. A [`QtiItem`] becomes a prompt, reads the answer
//! out of a completion, and scores it by its own response processing: the score is the outcome `SCORE`.
//!
//! ```
//! use grpo_edu::assessment::{Item, qti};
//!
//! let xml = r#"<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="metals" title="Metals">
//!     <qti-response-declaration identifier="RESPONSE" cardinality="multiple" base-type="identifier">
//!         <qti-mapping lower-bound="0" default-value="-1">
//!             <qti-map-entry map-key="iron" mapped-value="1"/>
//!             <qti-map-entry map-key="tin" mapped-value="1"/>
//!         </qti-mapping>
//!     </qti-response-declaration>
//!     <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
//!     <qti-item-body>
//!         <qti-choice-interaction response-identifier="RESPONSE" max-choices="0">
//!             <qti-prompt>Which of these are metals?</qti-prompt>
//!             <qti-simple-choice identifier="iron">iron</qti-simple-choice>
//!             <qti-simple-choice identifier="coal">coal</qti-simple-choice>
//!             <qti-simple-choice identifier="tin">tin</qti-simple-choice>
//!         </qti-choice-interaction>
//!     </qti-item-body>
//!     <qti-response-processing template="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/map_response.xml"/>
//! </qti-assessment-item>"#;
//! let item = qti::read_item(xml.as_bytes(), "metals.xml")?;
//! assert_eq!(item.solution().as_deref(), Some("#### A, C"));
//! let marked = item.mark("Iron is one.\n#### A");
//! assert_eq!((marked.score, marked.max), (Some(1.0), 2.0));
//! assert_eq!(marked.reason, "partly right: 1 of 2");
//! # Ok::<(), qti::QtiError>(())
//! ```
//!
//! # What is read
//!
//! * **Interactions:** choice, order, match, associate, inline choice, gap match, hottext, text entry, extended text, slider, select
//!   point (one point). Extended text is scored only where response processing looks at it.
//! * **Declarations:** all cardinalities; the base types identifier, boolean, integer, float, string, point, pair, directedPair and
//!   uri; correct responses, default values, mappings, area mappings (circle, ellipse, rect, poly, default), match and interpolation
//!   tables. `caseSensitive` of a `mapEntry` is false where it isn't written, as QTI 2.2 and 3.0 have it.
//! * **Templates**, by their names in any of the three versions: `match_correct`, `map_response`, `map_response_point`.
//! * **Rules:** `responseCondition`, `setOutcomeValue`, `lookupOutcomeValue`, `exitResponse`, `responseProcessingFragment`.
//! * **Expressions:** `baseValue`, `variable`, `correct`, `default`, `null`, `mapResponse`, `mapResponsePoint`; `isNull`, `not`, `and`,
//!   `or`, `anyN`, `match`, `equal`, `equalRounded`, `lt`, `lte`, `gt`, `gte`, `stringMatch`, `substring`, `patternMatch`, `inside`;
//!   `sum`, `subtract`, `product`, `divide`, `power`, `min`, `max`, `integerDivide`, `integerModulus`, `round`, `truncate`,
//!   `integerToFloat`; `multiple`, `ordered`, `containerSize`, `index`, `member`, `contains`, `delete`, `fieldValue`.
//!
//! Everything else that could change the question or its score is refused when the item is read, with its line and column:
//! templates of items, adaptive items, other interactions, chance (`random`), `customOperator`, time, stimulus files, audio and
//! video. Types are checked then too. [`Package::open`] lists items that need such things in [`Package::skipped`]; items that are
//! wrong are an error.
//!
//! # How it is scored
//!
//! * Answers are read by [`answer`](super::answer). What can't be read, and what the interaction doesn't allow (more than
//!   `maxChoices` or `maxAssociations`, one used more often than `matchMax`, a number off the scale), leaves the response NULL:
//!   choosing everything earns nothing.
//! * The highest score is `normalMaximum` of `SCORE`, else the default of an outcome `MAXSCORE` other than 0, else what follows from
//!   the rules: 1 for `match_correct`, the best that a mapping gives within its bounds and the limits of the interaction, or for
//!   rules of the item's own the better of its correct and its best mapped responses. The lowest is `normalMinimum`, else `MINSCORE`,
//!   else what the worst mapped responses get, or 0. An item whose highest score is uncertain is refused: it must say it. An answer
//!   that earns more or less all the same, by rules of the item's own, has its score as that end in its
//!   [`Marked`](super::Marked).
//! * NULL behaves as in QTI: operators give NULL for it, `and` and `or` know three values, a condition that is NULL doesn't hold.
//!   `mapResponse` of NULL is 0. A `SCORE` of NULL counts as 0.
//! * `patternMatch` takes regular expressions of XML Schema in linear time; `^` and `$`, which stand for themselves there, are
//!   refused unless a backslash shows that they are meant.
//!
//! # How it is shown
//!
//! Choices stand in the order of the file, whatever `shuffle` says: the same item is always the same prompt. Feedback, hints
//! (`infoControl`) and rubrics for others than candidates are left out. Pictures are shown by what is said about them, formulas in
//! one line.
//!
//! # Limits
//!
//! A file has at most 4 MiB, 100,000 elements and 100 levels, and no DTD; a package at most 20,000 files and 256 MiB of items, none of
//! which unpacks to more than 200 times its packed size. Scoring stops after a fixed amount of work, which only items made for it
//! reach: containers can be put into each other.

mod best;
mod body;
mod declaration;
mod encoding;
mod error;
mod expression;
mod item;
mod mapping;
mod package;
mod processing;
mod record;
mod shape;
mod slot;
mod value;
mod xml;

pub use error::QtiError;
pub use item::{QtiItem, Version, read_item};
pub use package::{Package, Skipped};
