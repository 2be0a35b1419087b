//! Writes a QTI content package: exercises with small numbers, of six kinds, two each in QTI 2.1, 2.2 and 3.0.

use anyhow::{Context, Result};
use grpo_edu::{Draws, SeededDraws};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The largest number that is put into order or compared.
const LARGEST: i64 = 40;

/// A kind of exercises: its name, the type of its resources in the manifest, and how one is written.
struct Kind {
    name: &'static str,
    resource: &'static str,
    write: fn(&str, &mut SeededDraws) -> String,
}

const KINDS: [Kind; 6] = [
    Kind { name: "largest", resource: "imsqti_item_xmlv2p1", write: largest },
    Kind { name: "even", resource: "imsqti_item_xmlv2p1", write: even },
    Kind { name: "compare", resource: "imsqti_item_xmlv2p2", write: compare },
    Kind { name: "double", resource: "imsqti_item_xmlv2p2", write: double },
    Kind { name: "add", resource: "imsqti_item_xmlv3p0", write: add },
    Kind { name: "order", resource: "imsqti_item_xmlv3p0", write: order },
];

/// Writes `of_each` items of every kind and their manifest into `folder`, which is made. The same seed writes the same package.
pub(crate) fn write(folder: &Path, of_each: usize, seed: u64) -> Result<()> {
    let failed = || format!("can't write into {}", folder.display());
    fs::create_dir_all(folder.join("items")).with_context(failed)?;
    let mut resources = String::new();
    for (domain, kind) in KINDS.iter().enumerate() {
        let mut draws = SeededDraws::new(kind.name, seed, domain as u64);
        let mut seen = HashSet::new();
        while seen.len() < of_each {
            let id = format!("{}-{:04}", kind.name, seen.len() + 1);
            let xml = (kind.write)(&id, &mut draws);
            if !seen.insert(xml.replace(&id, "")) {
                continue;
            }
            let name = format!("items/{id}.xml");
            fs::write(folder.join(&name), xml).with_context(failed)?;
            let _ = writeln!(
                resources,
                "    <resource identifier=\"{id}\" type=\"{}\" href=\"{name}\"><file href=\"{name}\"/></resource>",
                kind.resource
            );
        }
    }
    let manifest = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <manifest xmlns=\"http://www.imsglobal.org/xsd/imscp_v1p1\" identifier=\"small-numbers\">\n  <organizations/>\n  \
         <resources>\n{resources}  </resources>\n</manifest>\n"
    );
    fs::write(folder.join("imsmanifest.xml"), manifest).with_context(failed)
}

/// Different numbers from 2 up.
fn numbers(draws: &mut SeededDraws, count: usize, largest: i64) -> Vec<i64> {
    draws.sample(largest as usize - 1, count).into_iter().map(|number| number as i64 + 2).collect()
}

/// An item of QTI 2.1 or 2.2.
fn version_2(version: u8, id: &str, title: &str, declaration: &str, body: &str, rules: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <assessmentItem xmlns=\"http://www.imsglobal.org/xsd/imsqti_v2p{version}\" identifier=\"{id}\" title=\"{title}\" \
         adaptive=\"false\" timeDependent=\"false\">\n\
         {declaration}\n<outcomeDeclaration identifier=\"SCORE\" cardinality=\"single\" baseType=\"float\"/>\n\
         <itemBody>{body}</itemBody>\n\
         <responseProcessing template=\"http://www.imsglobal.org/question/qti_v2p{version}/rptemplates/{rules}\"/>\n\
         </assessmentItem>\n"
    )
}

/// An item of QTI 3.0.
fn version_3(id: &str, title: &str, declaration: &str, body: &str, rules: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <qti-assessment-item xmlns=\"http://www.imsglobal.org/xsd/imsqtiasi_v3p0\" identifier=\"{id}\" title=\"{title}\" \
         adaptive=\"false\" time-dependent=\"false\">\n\
         {declaration}\n<qti-outcome-declaration identifier=\"SCORE\" cardinality=\"single\" base-type=\"float\"/>\n\
         <qti-item-body>{body}</qti-item-body>\n\
         <qti-response-processing template=\"https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/{rules}.xml\"/>\n\
         </qti-assessment-item>\n"
    )
}

/// Each of the numbers in its place in a template.
fn each(numbers: &[i64], write: impl Fn(i64) -> String) -> String {
    numbers.iter().map(|&number| write(number)).collect()
}

fn simple_choices(options: &[i64]) -> String {
    each(options, |n| format!("<simpleChoice identifier=\"n{n}\">{n}</simpleChoice>"))
}

fn largest(id: &str, draws: &mut SeededDraws) -> String {
    let options = numbers(draws, 3, LARGEST);
    let right = options.iter().max().copied().unwrap_or_default();
    let declaration = format!(
        "<responseDeclaration identifier=\"RESPONSE\" cardinality=\"single\" baseType=\"identifier\">\
         <correctResponse><value>n{right}</value></correctResponse></responseDeclaration>"
    );
    let body = format!(
        "<choiceInteraction responseIdentifier=\"RESPONSE\" shuffle=\"false\" maxChoices=\"1\">\
         <prompt>Which number is the largest?</prompt>{}</choiceInteraction>",
        simple_choices(&options)
    );
    version_2(1, id, "The largest of three", &declaration, &body, "match_correct")
}

/// A point for each even number, and one less for each odd one.
fn even(id: &str, draws: &mut SeededDraws) -> String {
    let options = loop {
        let options = numbers(draws, 4, LARGEST);
        if options.iter().any(|n| n % 2 == 0) {
            break options;
        }
    };
    let right: Vec<i64> = options.iter().copied().filter(|n| n % 2 == 0).collect();
    let entry =
        |n| format!("<mapEntry mapKey=\"n{n}\" mappedValue=\"{}\"/>", if n % 2 == 0 { 1 } else { -1 });
    let declaration = format!(
        "<responseDeclaration identifier=\"RESPONSE\" cardinality=\"multiple\" baseType=\"identifier\">\
         <correctResponse>{}</correctResponse>\
         <mapping lowerBound=\"0\" upperBound=\"{}\" defaultValue=\"0\">{}</mapping></responseDeclaration>",
        each(&right, |n| format!("<value>n{n}</value>")),
        right.len(),
        each(&options, entry)
    );
    let body = format!(
        "<choiceInteraction responseIdentifier=\"RESPONSE\" shuffle=\"false\" maxChoices=\"0\">\
         <prompt>Which numbers are even?</prompt>{}</choiceInteraction>",
        simple_choices(&options)
    );
    version_2(1, id, "Even numbers", &declaration, &body, "map_response")
}

fn compare(id: &str, draws: &mut SeededDraws) -> String {
    let pair = numbers(draws, 2, LARGEST);
    let (first, second) = (pair[0], pair[1]);
    let right = if first > second { "larger" } else { "smaller" };
    let words = if draws.integer(0, 1) == 0 { ["larger", "smaller"] } else { ["smaller", "larger"] };
    let choices =
        words.map(|word| format!("<inlineChoice identifier=\"{word}\">{word}</inlineChoice>")).concat();
    let declaration = format!(
        "<responseDeclaration identifier=\"RESPONSE\" cardinality=\"single\" baseType=\"identifier\">\
         <correctResponse><value>{right}</value></correctResponse></responseDeclaration>"
    );
    let body = format!(
        "<p>{first} is <inlineChoiceInteraction responseIdentifier=\"RESPONSE\" shuffle=\"false\">{choices}\
         </inlineChoiceInteraction> than {second}.</p>"
    );
    version_2(2, id, "Larger or smaller", &declaration, &body, "match_correct")
}

/// A point for each pair.
fn double(id: &str, draws: &mut SeededDraws) -> String {
    let sources = numbers(draws, 3, LARGEST / 2);
    let targets: Vec<i64> = draws.sample(3, 3).into_iter().map(|at| sources[at]).collect();
    let declaration = format!(
        "<responseDeclaration identifier=\"RESPONSE\" cardinality=\"multiple\" baseType=\"directedPair\">\
         <correctResponse>{}</correctResponse><mapping defaultValue=\"0\">{}</mapping></responseDeclaration>",
        each(&sources, |n| format!("<value>n{n} d{}</value>", 2 * n)),
        each(&sources, |n| format!("<mapEntry mapKey=\"n{n} d{}\" mappedValue=\"1\"/>", 2 * n))
    );
    let choice = |id: String, text| {
        format!("<simpleAssociableChoice identifier=\"{id}\" matchMax=\"1\">{text}</simpleAssociableChoice>")
    };
    let body = format!(
        "<matchInteraction responseIdentifier=\"RESPONSE\" shuffle=\"false\" maxAssociations=\"3\">\
         <prompt>Which is the double of which?</prompt><simpleMatchSet>{}</simpleMatchSet>\
         <simpleMatchSet>{}</simpleMatchSet></matchInteraction>",
        each(&sources, |n| choice(format!("n{n}"), n)),
        each(&targets, |n| choice(format!("d{}", 2 * n), 2 * n))
    );
    version_2(2, id, "Doubles", &declaration, &body, "map_response")
}

fn add(id: &str, draws: &mut SeededDraws) -> String {
    let (first, second) = (draws.integer(2, 60), draws.integer(2, 30));
    let declaration = format!(
        "<qti-response-declaration identifier=\"RESPONSE\" cardinality=\"single\" base-type=\"integer\">\
         <qti-correct-response><qti-value>{}</qti-value></qti-correct-response></qti-response-declaration>",
        first + second
    );
    let body = format!(
        "<p>{first} + {second} = <qti-text-entry-interaction response-identifier=\"RESPONSE\" expected-length=\"3\"/></p>"
    );
    version_3(id, "A sum", &declaration, &body, "match_correct")
}

fn order(id: &str, draws: &mut SeededDraws) -> String {
    let options = numbers(draws, 3, LARGEST);
    let mut right = options.clone();
    right.sort_unstable();
    let declaration = format!(
        "<qti-response-declaration identifier=\"RESPONSE\" cardinality=\"ordered\" base-type=\"identifier\">\
         <qti-correct-response>{}</qti-correct-response></qti-response-declaration>",
        each(&right, |n| format!("<qti-value>n{n}</qti-value>"))
    );
    let body = format!(
        "<qti-order-interaction response-identifier=\"RESPONSE\" shuffle=\"false\">\
         <qti-prompt>Put these numbers in order, the smallest first.</qti-prompt>{}</qti-order-interaction>",
        each(&options, |n| format!("<qti-simple-choice identifier=\"n{n}\">{n}</qti-simple-choice>"))
    );
    version_3(id, "Three in order", &declaration, &body, "match_correct")
}
