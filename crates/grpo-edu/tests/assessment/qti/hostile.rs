//! What is refused, and how it is said.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use grpo_edu::assessment::Item;
use grpo_edu::assessment::qti::{QtiError, read_item};

use super::{item, items};

const DECLARED: &str = r#"<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
<correctResponse><value>a</value></correctResponse></responseDeclaration>
<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>"#;
const BODY: &str = r#"<itemBody><choiceInteraction responseIdentifier="RESPONSE" maxChoices="1">
<simpleChoice identifier="a">A</simpleChoice><simpleChoice identifier="b">B</simpleChoice></choiceInteraction></itemBody>"#;
const PROCESSING: &str = r#"<responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"/>"#;

fn item_of(content: &str) -> String {
    format!(
        "<assessmentItem xmlns=\"http://www.imsglobal.org/xsd/imsqti_v2p1\" identifier=\"i\" title=\"t\">\n{content}</assessmentItem>"
    )
}

fn with_rules(rules: &str) -> String {
    item_of(&format!("{DECLARED}{BODY}<responseProcessing>\n{rules}</responseProcessing>"))
}

#[track_caller]
fn refusal(xml: &str) -> QtiError {
    match read_item(xml.as_bytes(), "item.xml") {
        Ok(item) => panic!("it was read: {item:?}"),
        Err(error) => error,
    }
}

#[test]
fn the_item_that_the_others_are_made_from_is_read() {
    let item = read_item(item_of(&format!("{DECLARED}{BODY}{PROCESSING}")).as_bytes(), "item.xml").unwrap();
    assert_eq!(item.mark("#### A").score, Some(1.0));
}

#[test]
fn errors_name_file_line_element_and_fix() {
    let set = |value: &str| format!("<setOutcomeValue identifier=\"SCORE\">{value}</setOutcomeValue>");
    let body =
        |interaction: &str| item_of(&format!("{DECLARED}<itemBody>\n{interaction}</itemBody>{PROCESSING}"));
    for (xml, message) in [
        (
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(),
            "item.xml:1:1: not XML that can be read: it has a document type declaration (<!DOCTYPE>), through which entities could \
             be defined: remove it",
        ),
        ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>".to_owned(), "it has a document type declaration"),
        ("<a>&nbsp;</a>".to_owned(), "only &lt; &gt; &amp; &quot; &apos; and numbers like &#160; are known"),
        ("<a><b></a>".to_owned(), "item.xml:1:7: not XML that can be read: expected 'b' tag, not 'a'"),
        (
            "<assessmentItem/>".to_owned(),
            "item.xml:1:1: <assessmentItem> isn't supported: its namespace is none",
        ),
        (
            item_of(DECLARED).replace("imsqti_v2p1\"", "imsqti_v2p0\""),
            "its namespace is `http://www.imsglobal.org/xsd/imsqti_v2p0`",
        ),
        (
            item_of("").replace("title", "adaptive=\"true\" title"),
            "adaptive items are answered in several attempts: set `adaptive` to false",
        ),
        (item_of(DECLARED), "item.xml:1:1: <assessmentItem>: it has no <itemBody>"),
        (item_of("<templateDeclaration/>"), "item.xml:2:1: <templateDeclaration> isn't supported"),
        (item_of("<itemBdy/>"), "<itemBdy> isn't supported: it doesn't belong into an item"),
        (
            body("<hotspotInteraction responseIdentifier=\"RESPONSE\"/>"),
            "item.xml:5:1: <hotspotInteraction> isn't supported: it asks for places in a picture that text can't name",
        ),
        (body("<p><video/></p>"), "<video> isn't supported: it isn't text"),
        (body("<marquee/>"), "<marquee> isn't supported: it isn't known how to write it as text"),
        (
            body("<choiceInteraction responseIdentifier=\"OTHER\"/>"),
            "there is no <responseDeclaration> with the identifier `OTHER`",
        ),
        (
            body("<choiceInteraction responseIdentifier=\"RESPONSE\"/>"),
            "there is nothing in it to choose from",
        ),
        (
            body("<textEntryInteraction responseIdentifier=\"RESPONSE\"/>"),
            "its response is single identifier, but must have the cardinality single or record and the baseType string, integer, float",
        ),
        (
            item_of(&format!("{DECLARED}{BODY}{PROCESSING}")).replace("identifier=\"b\"", "identifier=\"a\""),
            "item.xml:5:46: <simpleChoice>: there is another choice `a`: rename one of them",
        ),
        (
            item_of(&format!("{DECLARED}{BODY}{PROCESSING}")).replace("<value>a<", "<value>z<"),
            "the correct response of `RESPONSE` isn't a possible answer: something in it can't be chosen",
        ),
        (
            item_of(&format!("{DECLARED}{BODY}{PROCESSING}")).replace("match_correct", "match_nothing"),
            "the template `http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_nothing` isn't known",
        ),
        (
            item_of(&format!("{DECLARED}{BODY}{PROCESSING}")).replace("match_correct", "map_response"),
            "the template `map_response` needs `RESPONSE` to have a <mapping>",
        ),
        (
            with_rules("<setOutcome/>"),
            "item.xml:6:1: <setOutcome> isn't supported: response processing has no such rule",
        ),
        (
            with_rules(&set("<randomInteger min=\"1\" max=\"2\"/>")),
            "scores that depend on chance aren't computed",
        ),
        (with_rules(&set("<customOperator class=\"x\"/>")), "what it computes is known to one system only"),
        (with_rules(&set("<summ/>")), "response processing has no such expression here"),
        (with_rules(&set("<variable identifier=\"SCROE\"/>")), "there is no variable `SCROE`: declare it"),
        (with_rules(&set("<variable identifier=\"duration\"/>")), "how long an answer took isn't known"),
        (
            with_rules(&set("<variable identifier=\"RESPONSE\"/>")),
            "it sets an outcome of the type single float to single identifier: give both the same type",
        ),
        (
            with_rules(&set("<sum><variable identifier=\"RESPONSE\"/></sum>")),
            "<sum>: expression 1 in it is single identifier, but must be numbers",
        ),
        (with_rules(&set("<baseValue baseType=\"float\">1,5</baseValue>")), "`1,5` isn't a finite number"),
        (with_rules(&set("<baseValue baseType=\"float\">NaN</baseValue>")), "`NaN` isn't a finite number"),
        (with_rules(&set("<baseValue baseType=\"float\"/>")), "`` isn't a finite number"),
        (with_rules(&set("<subtract><null/></subtract>")), "it has 1 expressions in it, but needs exactly 2"),
        (with_rules("<responseCondition/>"), "it needs a <responseIf>"),
        (
            with_rules("<responseCondition><responseElse/></responseCondition>"),
            "a <responseCondition> has one <responseIf>",
        ),
        (
            with_rules(
                "<responseCondition><responseIf><null/><exitResponse/></responseIf></responseCondition>",
            ),
            "what the highest score is can't be told from its rules: add `normalMaximum` to the outcome `SCORE`",
        ),
        (
            with_rules("<setOutcomeValue identifier=\"RESPONSE\"><null/></setOutcomeValue>"),
            "only outcomes can be set",
        ),
    ] {
        let found = refusal(&xml).to_string();
        assert!(found.contains(message), "{found}\nshould say\n{message}");
        assert!(found.starts_with("item.xml"), "{found}");
    }
}

#[test]
fn what_is_only_unsupported_is_told_apart() {
    let unsupported = refusal(&item_of("<templateDeclaration/>"));
    assert!(matches!(unsupported, QtiError::Unsupported { line: 2, column: 1, .. }), "{unsupported:?}");
    let invalid = refusal(&item_of(DECLARED));
    assert!(matches!(invalid, QtiError::Invalid { .. }), "{invalid:?}");
}

/// Reads something hostile, which must not take long.
#[track_caller]
fn refused_in_time(xml: &str, message: &str) {
    let start = Instant::now();
    let error = refusal(xml).to_string();
    assert!(error.contains(message), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{message}: {:?}", start.elapsed());
}

#[test]
fn bombs_are_refused_in_time() {
    let mut laughs = "<!DOCTYPE a [<!ENTITY l0 \"lol\">".to_owned();
    for level in 1..30 {
        write!(laughs, "<!ENTITY l{level} \"&l{0};&l{0};&l{0};&l{0};\">", level - 1).unwrap();
    }
    refused_in_time(&format!("{laughs}]><a>&l29;</a>"), "document type declaration");
    refused_in_time(&"<div>".repeat(500_000), "100001 elements and texts, but at most 100000 are read");
    refused_in_time(&"<div>".repeat(50_000), "not XML that can be read");
    let deep = format!("{}{}", "<div>".repeat(40_000), "</div>".repeat(40_000));
    refused_in_time(&deep, "40000 levels of elements, but at most 100 are read");
    refused_in_time(
        &item_of(&"<a/>".repeat(400_000)),
        "100001 elements and texts, but at most 100000 are read",
    );
    let attributes = (0..200_000).fold(String::new(), |mut all, at| {
        write!(all, " a{at}=\"\"").unwrap();
        all
    });
    refused_in_time(
        &format!("<a{attributes}/>"),
        "200000 attributes at one element, but at most 64 are read",
    );
    let namespaces = "<a xmlns:b=\"c\">".repeat(100_000);
    refused_in_time(&namespaces, "100000 namespaces, but at most 512 are read");
    refused_in_time(&" ".repeat(5 << 20), "5242880 bytes, but at most 4194304 are read");
    refused_in_time(&format!("<a b=\"{}\"/>", "&#38;".repeat(800_000)), "only items are read");
}

#[test]
fn rules_that_ask_for_endless_work_are_refused() {
    let double = "<setOutcomeValue identifier=\"X\"><multiple><variable identifier=\"X\"/><variable identifier=\"X\"/></multiple></setOutcomeValue>";
    let first = "<setOutcomeValue identifier=\"X\"><multiple><baseValue baseType=\"integer\">1</baseValue></multiple></setOutcomeValue>";
    let declared = "<outcomeDeclaration identifier=\"X\" cardinality=\"multiple\" baseType=\"integer\"/>";
    let rules = format!("{first}{}", double.repeat(100));
    let xml = item_of(&format!("{DECLARED}{declared}{BODY}<responseProcessing>{rules}</responseProcessing>"));
    refused_in_time(&xml, "it asks for more work than is allowed for one item: simplify it");
}

#[test]
fn encodings_are_read_or_refused() {
    let xml = std::fs::read_to_string(super::folder().join("items/order.xml")).unwrap();
    let xml = xml.replace("encoding=\"UTF-8\"", "encoding=\"UTF-16\"");
    let little: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(xml.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> =
        [0xfe, 0xff].into_iter().chain(xml.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let marked: Vec<u8> =
        [0xef, 0xbb, 0xbf].into_iter().chain(xml.replace("UTF-16", "utf-8").bytes()).collect();
    for bytes in [little, big, marked] {
        assert_eq!(read_item(&bytes, "order.xml").unwrap().id(), "order");
    }
    for (bytes, message) in [
        (b"<\0a\0/\0>\0".as_slice(), "UTF-16 or UTF-32 without a byte order mark"),
        (b"\xff\xfe<", "odd number of bytes"),
        (b"\xff\xfe\x00\xd8", "halves of characters"),
        (b"<a>\xe4</a>", "byte 3 isn't UTF-8: save it as UTF-8"),
        (b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe4</a>", "its encoding is `ISO-8859-1`"),
    ] {
        let error = read_item(bytes, "item.xml").unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// What a message quotes is as long as whoever wrote the file wants it to be.
#[test]
fn messages_stay_short_and_keep_the_fix() {
    let long = "x".repeat(100_000);
    let choice = format!("<choiceInteraction responseIdentifier=\"{long}\"/>");
    for (xml, fix) in [
        (format!("<?xml version=\"1.0\" encoding=\"{long}\"?><a>é</a>"), ": save it as UTF-8"),
        (item_of(&format!("{DECLARED}<{long}/>{BODY}")), "remove it, or check the spelling"),
        (item_of(&format!("{DECLARED}<itemBody>{choice}</itemBody>{PROCESSING}")), ""),
        (format!("<a><{long}></a>"), ""),
    ] {
        let error = refusal(&xml).to_string();
        assert!(error.starts_with("item.xml") && error.ends_with(fix) && error.len() < 1500, "{error}");
    }
}

/// Rules of an item's own may give scores outside of what its correct and its mapped responses earn.
#[test]
fn a_score_beyond_the_ends_is_one_of_them() {
    let give = |choice: &str, score: i32| {
        format!(
            "<responseCondition><responseIf><match><variable identifier=\"RESPONSE\"/><baseValue baseType=\"identifier\">{choice}\
             </baseValue></match><setOutcomeValue identifier=\"SCORE\"><baseValue baseType=\"float\">{score}</baseValue>\
             </setOutcomeValue></responseIf></responseCondition>"
        )
    };
    for (other, min, max) in [(-3, -3.0, 1.0), (2, 0.0, 2.0)] {
        let xml = with_rules(&format!("{}{}", give("a", 1), give("b", other)));
        let item = read_item(xml.as_bytes(), "item.xml").unwrap();
        let [right, beyond] = ["#### A", "#### B"].map(|completion| item.mark(completion));
        assert_eq!((right.score, right.min, right.max), (Some(1.0), 0.0, 1.0));
        assert_eq!((beyond.score, beyond.min, beyond.max), (Some(f64::from(other)), min, max));
    }
}

#[test]
fn malicious_completions_are_scored_in_time() {
    let hostile = [
        "(".repeat(1 << 20),
        "####".repeat(1 << 18),
        "#### 1-A, ".repeat(100_000),
        format!("#### {}", "A, B, ".repeat(150_000)),
        format!("#### {}", "9".repeat(1 << 20)),
        "#### 10^10^10".to_owned(),
        "\0\u{202e}#### B\u{200f}".to_owned(),
        format!("#### {}", "1: ".repeat(300_000)),
    ];
    for (name, _) in items() {
        let item = item(&name);
        for completion in &hostile {
            let start = Instant::now();
            let marked = item.mark(completion);
            let took = start.elapsed();
            let shown: String = completion.chars().take(20).collect();
            // A debug build on a busy machine is many times slower than what the limit is about.
            let limit = if cfg!(debug_assertions) { 1000 } else { 50 };
            assert!(took < Duration::from_millis(limit), "{name} {shown:?}: {took:?} ({})", marked.reason);
        }
    }
}

#[test]
fn large_items_are_read_or_refused_in_time() {
    let choices = |count: usize| {
        (0..count).fold(String::new(), |mut all, at| {
            write!(all, "<simpleChoice identifier=\"c{at}\">x</simpleChoice>").unwrap();
            all
        })
    };
    let with_choices = |count: usize| {
        let body = BODY.replace("<simpleChoice identifier=\"b\">B</simpleChoice>", &choices(count));
        item_of(&format!("{DECLARED}{body}{PROCESSING}"))
    };
    refused_in_time(&with_choices(30_000), "the item has more than 2000 choices");
    let start = Instant::now();
    assert_eq!(read_item(with_choices(1999).as_bytes(), "item.xml").unwrap().mark("#### A").score, Some(1.0));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    let point = r#"<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="point"><areaMapping>AREAS</areaMapping>
        </responseDeclaration><outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
        <itemBody><selectPointInteraction responseIdentifier="RESPONSE" maxChoices="1"/></itemBody>"#;
    let polygon =
        format!("<areaMapEntry shape=\"poly\" coords=\"{}0,0\" mappedValue=\"1\"/>", "1,2,".repeat(300_000));
    let map_point = PROCESSING.replace("match_correct", "map_response_point");
    refused_in_time(
        &item_of(&format!("{}{map_point}", point.replace("AREAS", &polygon))),
        "300001 areas and corners",
    );
    let circles = "<areaMapEntry shape=\"circle\" coords=\"1,2,3\" mappedValue=\"1\"/>".repeat(2000);
    let start = Instant::now();
    read_item(item_of(&format!("{}{map_point}", point.replace("AREAS", &circles))).as_bytes(), "item.xml")
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    let pattern = "<setOutcomeValue identifier=\"B\"><patternMatch pattern=\"a{100}\"><baseValue baseType=\"string\">a</baseValue></patternMatch></setOutcomeValue>";
    refused_in_time(&with_rules(&pattern.repeat(20_000)), "it has more than 100 <patternMatch>");
    let set =
        "<setOutcomeValue identifier=\"SCORE\"><baseValue baseType=\"float\">1</baseValue></setOutcomeValue>";
    let start = Instant::now();
    let many = read_item(with_rules(&set.repeat(30_000)).as_bytes(), "item.xml").unwrap();
    assert_eq!(many.mark("#### B").score, Some(1.0));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
