//! An item: what it asks, and how it scores what is answered.

use super::best::{Range, Scoring};
use super::body::{self, Manner};
use super::declaration::Declarations;
use super::error::{QtiError, Reading};
use super::processing::Processing;
use super::slot::Slot;
use super::value::{Cardinality, Value};
use super::xml::{self, Element};
use crate::assessment::answer::{self, Unreadable};
use crate::assessment::{Definition, Interaction, Item, Marked, Response, Style};

/// The most choices of an item, of all interactions together: looking for the best ones tries many against each other.
const MAX_CHOICES: usize = 2000;
/// The most regular expressions of an item, each of which takes memory once it is compiled.
const MAX_PATTERNS: usize = 100;

/// The version of QTI that an item is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Version {
    /// 2.1.
    V2p1,
    /// 2.2.
    V2p2,
    /// 3.0.
    V3p0,
}

/// An item of QTI, read and checked.
///
/// Its score is the outcome `SCORE` after its response processing; an item without response processing isn't scored. It can be shared
/// between threads.
#[derive(Debug)]
pub struct QtiItem {
    id: String,
    title: Option<String>,
    version: Version,
    declarations: Declarations,
    slots: Vec<Slot>,
    interactions: Vec<Interaction>,
    scored: Option<Scored>,
    texts: Texts,
    solution: Option<String>,
    correct: Vec<Option<Response>>,
}

#[derive(Debug)]
struct Scored {
    processing: Processing,
    /// The outcome `SCORE`, by its place.
    score: usize,
    range: Range,
}

/// The question in all forms in which it is asked for.
#[derive(Debug)]
struct Texts {
    plain: String,
    markdown: String,
    without_options: String,
}

/// Reads one item. `name` is what errors call it: the name of its file.
///
/// # Errors
/// When the XML can't be read (documents with a DTD are refused, and so are those of more than 4 MiB, 100,000 elements or 100
/// levels), isn't a valid item, or needs something that isn't supported: see [`QtiError`].
///
/// ```
/// use grpo_edu::assessment::{Item, Style, qti};
///
/// let xml = r#"<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="sum" title="A sum"
///         adaptive="false" timeDependent="false">
///     <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="integer">
///         <correctResponse><value>12</value></correctResponse>
///     </responseDeclaration>
///     <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
///     <itemBody><p>What is 5 + 7? <textEntryInteraction responseIdentifier="RESPONSE"/></p></itemBody>
///     <responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"/>
/// </assessmentItem>"#;
/// let item = qti::read_item(xml.as_bytes(), "sum.xml")?;
/// assert_eq!(item.prompt(Style::Plain), "What is 5 + 7? [...]\n\nAnswer with a number after ####.");
/// assert_eq!(item.mark("5 and 7 are\n#### 12").score, Some(1.0));
/// assert_eq!(item.mark("#### 13").score, Some(0.0));
/// # Ok::<(), qti::QtiError>(())
/// ```
pub fn read_item(xml: &[u8], name: &str) -> Result<QtiItem, QtiError> {
    let (root, namespace) = xml::parse(xml, name)?;
    QtiItem::read(&root, namespace.as_deref()).map_err(|fault| fault.in_file(name))
}

impl QtiItem {
    pub(super) fn read(root: &Element, namespace: Option<&str>) -> Reading<Self> {
        if root.name != "assessmentItem" {
            return Err(root.unsupported("only items are read: <assessmentItem> or <qti-assessment-item>"));
        }
        let version = Version::read(root, namespace)?;
        if root.flag("adaptive", false)? {
            return Err(
                root.unsupported("adaptive items are answered in several attempts: set `adaptive` to false")
            );
        }
        check_parts(root)?;
        let declarations = Declarations::read(root)?;
        let processing = match root.child("responseProcessing") {
            Some(element) => {
                Processing::read(element, &declarations)?.map(|processing| (element, processing))
            }
            None => None,
        };
        let body = root
            .child("itemBody")
            .ok_or_else(|| root.fault("it has no <itemBody>, so that nothing is asked"))?;
        let is_scored =
            |response| processing.as_ref().is_some_and(|(_, processing)| processing.uses(response));
        let slots = read_slots(body, &declarations, is_scored)?;
        check_correct(root, &slots, &declarations)?;
        let scored = match processing {
            Some((element, processing)) => Some(Scored::read(element, processing, &declarations, &slots)?),
            None => None,
        };
        let interactions: Vec<Interaction> = slots.iter().map(|slot| slot.interaction.clone()).collect();
        let write = |style, options| body::write(body, &slots, Manner { style, options });
        let texts = Texts {
            plain: write(Style::Plain, true)?,
            markdown: write(Style::Markdown, true)?,
            without_options: write(Style::Plain, false)?,
        };
        let values = match &scored {
            Some(scored) => scored.scoring(&declarations, &slots).solution(scored.range.max),
            None => Some(declarations.responses.iter().map(|response| response.correct.clone()).collect()),
        };
        let respond = |values: &[Option<Value>]| -> Vec<Option<Response>> {
            slots.iter().map(|slot| slot.response(values[slot.response].as_ref()?)).collect()
        };
        let solved = values.map(|values| respond(&values));
        let solution = solved.as_ref().and_then(|responses| answer::write(&interactions, responses));
        let stated: Vec<Option<Value>> =
            declarations.responses.iter().map(|response| response.correct.clone()).collect();
        let stated = respond(&stated);
        let best = solved.unwrap_or_else(|| vec![None; slots.len()]);
        let correct = stated.into_iter().zip(best).map(|(stated, best)| stated.or(best)).collect();
        let title =
            root.attribute("title").map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned);
        let id = root.required("identifier")?.trim().to_owned();
        if id.is_empty() {
            return Err(root.fault("`identifier` is empty: give the item a name"));
        }
        Ok(Self { id, title, version, declarations, slots, interactions, scored, texts, solution, correct })
    }

    /// The version of QTI that it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The places where an answer is asked for, in the order in which they stand in the item.
    pub fn interactions(&self) -> &[Interaction] {
        &self.interactions
    }

    /// Scores responses that were read elsewhere: one for each interaction, `None` where there is none.
    ///
    /// A response that the interaction doesn't allow (too many choices, one used too often) counts as none, and the reason says so.
    pub fn score(&self, responses: Vec<Option<Response>>) -> Marked {
        let missing = |response: Option<Response>| response.ok_or(Unreadable::Nothing);
        let mut responses: Vec<_> = responses.into_iter().map(missing).collect();
        responses.resize(self.slots.len(), Err(Unreadable::Nothing));
        self.judge(responses)
    }

    fn judge(&self, read: Vec<Result<Response, Unreadable>>) -> Marked {
        let mut values: Vec<Option<Value>> = vec![None; self.declarations.responses.len()];
        let mut responses = Vec::with_capacity(read.len());
        let mut problems = Vec::new();
        for (place, (slot, read)) in self.slots.iter().zip(read).enumerate() {
            let of = self.declarations.responses[slot.response].of;
            let value = match &read {
                Ok(response) => slot.value(response, of),
                Err(unreadable) => Err(unreadable.to_string()),
            };
            let value = value.unwrap_or_else(|problem| {
                let place =
                    if self.slots.len() > 1 { format!("place {}: ", place + 1) } else { String::new() };
                problems.push(format!("{place}{problem}"));
                None
            });
            values[slot.response] = value;
            responses.push(read.ok());
        }
        let Some(scored) = &self.scored else {
            let reason = [vec!["not scored: the item has no response processing".to_owned()], problems]
                .concat()
                .join("; ");
            return Marked { responses, score: None, min: 0.0, max: 0.0, reason };
        };
        let (score, reason) = scored.judge(&self.declarations, &self.slots, &values, &problems);
        // Rules of the item's own can lead beyond the ends that it states, or that follow from its correct and mapped responses.
        let Range { min, max } = scored.range;
        let (min, max) = score.map_or((min, max), |score| (min.min(score), max.max(score)));
        Marked { responses, score, min, max, reason }
    }
}

impl Version {
    fn read(root: &Element, namespace: Option<&str>) -> Reading<Self> {
        match namespace {
            Some("http://www.imsglobal.org/xsd/imsqti_v2p1") => Ok(Self::V2p1),
            Some("http://www.imsglobal.org/xsd/imsqti_v2p2") => Ok(Self::V2p2),
            Some("http://www.imsglobal.org/xsd/imsqtiasi_v3p0") => Ok(Self::V3p0),
            other => {
                let found = other.map_or("none".to_owned(), |namespace| format!("`{namespace}`"));
                Err(root.unsupported(format!(
                    "its namespace is {found}; QTI 2.1 (http://www.imsglobal.org/xsd/imsqti_v2p1), 2.2 (imsqti_v2p2) and \
                     3.0 (imsqtiasi_v3p0) are read"
                )))
            }
        }
    }
}

/// Refuses what would change the question or its score without being read.
fn check_parts(root: &Element) -> Reading<()> {
    for part in root.elements() {
        match part.name.as_str() {
            "responseDeclaration"
            | "outcomeDeclaration"
            | "templateDeclaration"
            | "templateProcessing"
            | "contextDeclaration"
            | "itemBody"
            | "responseProcessing"
            | "modalFeedback"
            | "stylesheet"
            | "catalogInfo"
            | "apipAccessibility"
            | "companionMaterialsInfo" => {}
            "assessmentStimulusRef" => {
                return Err(part.unsupported("texts in other files aren't read: write them into the item"));
            }
            _ => {
                return Err(
                    part.unsupported("it doesn't belong into an item: remove it, or check the spelling")
                );
            }
        }
    }
    if root.count_of("patternMatch") > MAX_PATTERNS {
        return Err(root.fault(format!("it has more than {MAX_PATTERNS} <patternMatch>: use fewer patterns")));
    }
    for name in ["itemBody", "responseProcessing"] {
        if let Some(second) = root.elements().filter(|part| part.name == name).nth(1) {
            return Err(second.fault("an item has only one of it"));
        }
    }
    Ok(())
}

fn read_slots(body: &Element, scope: &Declarations, is_scored: impl Fn(usize) -> bool) -> Reading<Vec<Slot>> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut taken = vec![false; scope.responses.len()];
    let mut choices = 0;
    for element in body::interactions(body) {
        let slot = Slot::read(element, scope, &is_scored)?;
        if std::mem::replace(&mut taken[slot.response], true) {
            let name = &scope.responses[slot.response].identifier;
            return Err(
                element.fault(format!("another interaction sets `{name}` already: declare one for each"))
            );
        }
        choices += slot.choices();
        if choices > MAX_CHOICES {
            return Err(element.fault(format!(
                "with it the item has more than {MAX_CHOICES} choices: no prompt holds so many"
            )));
        }
        slots.push(slot);
    }
    Ok(slots)
}

/// A correct response must be an answer that can be given.
fn check_correct(root: &Element, slots: &[Slot], scope: &Declarations) -> Reading<()> {
    for slot in slots {
        let declared = &scope.responses[slot.response];
        let Some(correct) = &declared.correct else { continue };
        if declared.of.is(Cardinality::Record) {
            continue;
        }
        let problem = match slot.response(correct) {
            None => Some("something in it can't be chosen".to_owned()),
            Some(response) => slot.value(&response, declared.of).err(),
        };
        if let Some(problem) = problem {
            let name = &declared.identifier;
            let problem = format!("the correct response of `{name}` isn't a possible answer: {problem}");
            return Err(root.fault(problem));
        }
    }
    Ok(())
}

impl Scored {
    fn read(
        element: &Element,
        processing: Processing,
        scope: &Declarations,
        slots: &[Slot],
    ) -> Reading<Self> {
        let score = scope.outcome("SCORE").filter(|index| {
            let of = scope.outcomes[*index].of;
            of.is(Cardinality::Single) && of.holds_numbers()
        });
        let score = score
            .ok_or_else(|| element.fault("the item needs an outcome `SCORE`, a single float or integer"))?;
        let scoring = Scoring { declarations: scope, slots, processing: &processing, score };
        if scoring.score(&vec![None; scope.responses.len()]).is_none() {
            return Err(element.fault("it asks for more work than is allowed for one item: simplify it"));
        }
        let range = scoring.range().map_err(|problem| element.fault(problem))?;
        Ok(Self { processing, score, range })
    }

    fn scoring<'a>(&'a self, declarations: &'a Declarations, slots: &'a [Slot]) -> Scoring<'a> {
        Scoring { declarations, slots, processing: &self.processing, score: self.score }
    }

    /// The score and the reason for it.
    fn judge(
        &self,
        declarations: &Declarations,
        slots: &[Slot],
        values: &[Option<Value>],
        problems: &[String],
    ) -> (Option<f64>, String) {
        let Range { max, .. } = self.range;
        let Some(score) = self.scoring(declarations, slots).score(values) else {
            return (None, "scoring was stopped: it takes more work than is allowed for one item".into());
        };
        let verdict = if score >= max {
            "right".to_owned()
        } else if score > 0.0 {
            "partly right".to_owned()
        } else if values.iter().all(Option::is_none) && !slots.is_empty() {
            "no answer".to_owned()
        } else {
            "wrong".to_owned()
        };
        let points = format!("{score} of {max}");
        let reason = if problems.is_empty() {
            format!("{verdict}: {points}")
        } else {
            format!("{verdict}: {points} ({})", problems.join("; "))
        };
        (Some(score), reason)
    }
}

impl Item for QtiItem {
    fn id(&self) -> &str {
        &self.id
    }

    fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    fn prompt(&self, style: Style) -> String {
        let question = match style {
            Style::Plain => &self.texts.plain,
            Style::Markdown => &self.texts.markdown,
        };
        let instructions = answer::instructions(&self.interactions, style);
        match (question.is_empty(), instructions.is_empty()) {
            (_, true) => question.clone(),
            (true, false) => instructions,
            (false, false) => format!("{question}\n\n{instructions}"),
        }
    }

    fn solution(&self) -> Option<String> {
        self.solution.clone()
    }

    fn mark(&self, completion: &str) -> Marked {
        self.judge(answer::read(&self.interactions, completion))
    }

    fn definition(&self) -> Definition {
        let beginning = || self.texts.without_options.lines().next().unwrap_or_default().to_owned();
        Definition {
            id: self.id.clone(),
            name: self.title.clone().unwrap_or_else(beginning),
            description: self.texts.without_options.clone(),
            interactions: self.interactions.clone(),
            correct: self.correct.clone(),
        }
    }
}
