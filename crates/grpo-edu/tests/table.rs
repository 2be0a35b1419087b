//! Question banks as tables.

use std::time::Instant;

use grpo_edu::assessment::bank::{BankError, BankItem, Grading};
use grpo_edu::assessment::table::{self, TableColumns};
use grpo_edu::assessment::{Interaction, Item, Style};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const MIXED: &str = include_str!("assessment/table/mixed.csv");

fn read(text: &str) -> Result<Vec<BankItem>, BankError> {
    table::read(text, "t.csv", &TableColumns::default())
}

fn score(item: &BankItem, answer: &str) -> f64 {
    item.mark(&format!("#### {answer}")).score.unwrap()
}

#[test]
fn each_kind_is_told_and_scored() {
    let items = read(MIXED).unwrap();
    let kinds: Vec<&str> = items
        .iter()
        .map(|item| match item.grading() {
            Grading::One { .. } => "choice",
            Grading::Several { .. } => "multiple",
            Grading::Truth { .. } => "truth",
            Grading::Short { .. } => "text",
            Grading::Numbers { .. } => "number",
            Grading::Essay => "essay",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        ["choice", "multiple", "choice", "number", "number", "truth", "text", "text", "text", "essay"]
    );
    let ids: Vec<&str> = items.iter().map(Item::id).collect();
    assert_eq!(
        ids,
        [
            "geo-1",
            "geo-2",
            "geo-3",
            "sum-1",
            "sum-2",
            "question@7",
            "word-1",
            "word-2",
            "word-3",
            "question@11"
        ]
    );
    assert_eq!((items[0].category(), items[6].category()), (Some("Rivers"), None));

    let expected: [&[(&str, f64)]; 9] = [
        &[("B", 1.0), ("Seine", 1.0), ("A", 0.0), ("A, B", 0.0)],
        &[
            ("A, C", 2.0),
            ("A", 1.0),
            ("A, B", 0.0),
            ("A, B, C", 1.0),
            ("A, B, C, D", 0.0),
            ("none", 0.0),
            ("Rhine; Elbe", 2.0),
        ],
        &[("D", 1.0), ("Tiber", 0.0)],
        &[("1.4142", 1.0), ("1.415", 1.0), ("1.4151", 0.0), ("many", 0.0)],
        &[("1609", 0.5), ("1,609.8", 0.5), ("1610", 0.0)],
        &[("true", 1.0), ("F", 0.0)],
        &[("oslo", 1.0), ("KRISTIANIA", 1.0), ("Bergen", 0.0), ("Oslo|Kristiania", 0.0)],
        &[("Co", 1.0), ("CO", 0.0)],
        // No wildcards in a table.
        &[("2 * 3", 1.0), ("2 times 3", 0.0)],
    ];
    for (item, answers) in items.iter().zip(expected) {
        for (answer, expected) in answers {
            assert!(
                (score(item, answer) - expected).abs() < 1e-12,
                "{} {answer}: {:?}",
                item.id(),
                item.mark(&format!("#### {answer}"))
            );
        }
        let marked = item.mark(&item.solution().unwrap());
        assert_eq!((marked.score, marked.success()), (Some(item.points()), Some(true)), "{}", item.id());
        assert_eq!(marked.max, item.points());
    }
    let essay = &items[9];
    assert_eq!(
        (essay.question(Style::Plain), essay.feedback(), essay.solution()),
        ("Why do rivers\nmeander?", Some("Because of inertia."), None)
    );
    assert_eq!(essay.mark("Because.").score, None);
}

#[test]
fn options_in_one_column_and_columns_of_other_names() {
    let columns = TableColumns {
        question: "prompt".into(),
        answer: Some("gold".into()),
        options: Some(vec!["first".into(), "second".into()]),
        delimiter: '\t',
        ..TableColumns::default()
    };
    let text = "prompt\tgold\tfirst\tsecond\tchoices\tother\nQ1\tsecond\tno\tyes\t\tx\nQ2\tthree\t\t\tone|two|three\tx\nQ3\tB; A\t\t\tone | two | three\tx\n";
    let items = table::read(text, "t.tsv", &columns).unwrap();
    assert_eq!(items[0].solution().as_deref(), Some("#### B"));
    assert_eq!(items[1].solution().as_deref(), Some("#### C"));
    assert_eq!(items[2].solution().as_deref(), Some("#### A, B"));
    assert_eq!(items[2].prompt(Style::Plain).lines().nth(3), Some("B. two"));
    // The other default name of the answer, a mark of spreadsheets, ends of lines.
    let items = read("\u{feff}question,reference\r\nTwo and two?,4\r\n").unwrap();
    assert_eq!(items[0].definition().interactions, [Interaction::Number]);
    let shuffled = read("question,answer,A,B,C\nQ,A,x,y,z\n").unwrap().remove(0).shuffled(2);
    assert_eq!(score(&shuffled, "x"), 1.0);
    assert_eq!(shuffled.mark(&shuffled.solution().unwrap()).score, Some(1.0));
}

#[test]
fn kinds_are_told_from_the_answer() {
    let kind = |answer: &str| {
        let item = read(&format!("question,answer\nQ,{answer}\n")).unwrap().remove(0);
        item.definition().interactions.remove(0)
    };
    for number in ["4", "-4.5", "1e3", "\"1,234\"", "+7"] {
        assert_eq!(kind(number), Interaction::Number, "{number}");
    }
    for text in ["one", "2024-05-01", "4 apples", "nan", "inf", "\"1,2\"", "x = 4", "T", "yes"] {
        assert_eq!(kind(text), Interaction::Text, "{text}");
    }
    assert_eq!(kind("False"), Interaction::Truth);
}

#[test]
fn columns_can_stand_in_a_recipe() {
    let columns: TableColumns = serde_json::from_str(r#"{"answer": "gold", "delimiter": ";"}"#).unwrap();
    assert_eq!(
        columns,
        TableColumns { answer: Some("gold".into()), delimiter: ';', ..TableColumns::default() }
    );
    assert!(
        serde_json::from_str::<TableColumns>(r#"{"anwser": "gold"}"#)
            .unwrap_err()
            .to_string()
            .contains("anwser")
    );
    let back: TableColumns = serde_json::from_str(&serde_json::to_string(&columns).unwrap()).unwrap();
    assert_eq!(back, columns);
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place() {
    let head = "question,answer,A,B,C,type,tolerance,points,case,id,choices\n";
    let table = [
        ("Q,D,x,y,z,,,,,,", "line 2, column `answer`: `D` is none of the options (A to C)"),
        ("Q,,x,y,z,,,,,,", "line 2, column `answer`: no answer"),
        ("Q,,,,,,,,,,", "line 2, column `answer`: no answer; fill it in, or write `essay`"),
        ("Q,none,x,y,z,,,,,,", "line 2, column `answer`: no option is right"),
        ("Q,same,same,same,z,,,,,,", "line 2, column `answer`: `same` can mean more than one thing"),
        (",A,x,y,z,,,,,,", "line 2, column `question`: empty"),
        ("Q,A,x,,z,,,,,,", "line 2, column `B`: empty, but an option follows"),
        ("Q,A,x,,,,,,,,", "line 2: it has 1 options"),
        (
            "Q,A|B,x,y,z,choice,,,,,",
            "line 2, column `answer`: 2 right answers to a question of type `choice`",
        ),
        ("Q,4,x,y,z,number,,,,,", "line 2: a question of type `number` has no options"),
        ("Q,4,,,,sum,,,,,", "line 2, column `type`: \"sum\" is no type of question"),
        ("Q,four,,,,number,,,,,", "line 2, column `answer`: \"four\" holds no number"),
        ("Q,maybe,,,,truth,,,,,", "line 2, column `answer`: \"maybe\" is neither true nor false"),
        ("Q,4,,,,,-1,,,,", "line 2, column `tolerance`: \"-1\" is no distance"),
        ("Q,4,,,,,nan,,,,", "line 2, column `tolerance`: \"nan\" is no distance"),
        ("Q,four,,,,,1,,,,", "line 2, column `tolerance`: a tolerance, but the question is of type `text`"),
        ("Q,4,,,,,,0,,,", "line 2, column `points`: \"0\" is no score"),
        ("Q,4,,,,,,,maybe,,", "line 2, column `case`: \"maybe\" says nothing"),
        ("Q,4,,,,,,,true,,", "line 2, column `case`: capital letters count in texts alone"),
        ("Q,4,,,,,,,,a,\nR,5,,,,,,,,a,", "line 3: the identifier `a` is also that of line 2"),
        ("Q,x,x,y,,,,,,,x|y", "line 2, column `choices`: options here and in columns of their own"),
        ("Q,x,,,,,,,,,x||y", "line 2, column `choices`: an empty option"),
        ("Q,4", "line 2: 2 fields where the header has 11"),
        ("Q\0,4,,,,,,,,,", "line 2: a control character (U+0000)"),
        ("Q,|,,,,text,,,,,", "line 2: no answer earns 100%"),
    ];
    for (line, expected) in table {
        let error = read(&format!("{head}{line}\n")).expect_err(line).to_string();
        assert!(error.starts_with("t.csv, ") && error.contains(expected), "{line:?}: {error}");
    }
    for (text, expected) in [
        ("", "line 1: no column `answer`"),
        ("question,answer\n", "t.csv has no questions"),
        ("question\nQ\n", "no column `answer` among `question`"),
        ("text,answer\nQ,4\n", "no column `question` among `text`, `answer`"),
        ("question,answer,answer\nQ,4,5\n", "line 1, column 3: a second column `answer`"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    for text in
        [format!("{}\nQ,4\n", "q,".repeat(50_000)), format!("question,answer\n{},|\n", "Q\0".repeat(50_000))]
    {
        let error = read(&text).expect_err("no such table").to_string();
        assert!(error.starts_with("t.csv, line ") && error.len() < 1000, "{error}");
    }
    for (columns, expected) in [
        (TableColumns { tolerance: Some("eps".into()), ..TableColumns::default() }, "no column `eps`"),
        (TableColumns { separator: " ".into(), ..TableColumns::default() }, "`separator`: is empty"),
        (TableColumns { delimiter: 'é', ..TableColumns::default() }, "`delimiter`: 'é' can't divide columns"),
        (TableColumns { delimiter: '"', ..TableColumns::default() }, "`delimiter`"),
    ] {
        let error = table::read("question,answer\nQ,4\n", "t.csv", &columns).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_megabyte_of_anything_is_read_or_refused_at_once() {
    let letters: String =
        (0..200_000).map(|i| format!(",{}", grpo_edu::assessment::answer::label(i))).collect();
    let texts = [
        "\"".repeat(1_000_000),
        ",".repeat(1_000_000),
        "a,".repeat(500_000),
        "\n".repeat(1_000_000),
        format!("question,answer{letters}\n"),
        format!("question,answer,A,B\nQ,{},x,y\n", "A|".repeat(500_000)),
        format!("question,answer,choices\nQ,A,{}\n", "x|".repeat(500_000)),
        format!("question,answer\n{}", "Q,4\n".repeat(250_000)),
        format!("question,answer\nQ,{}\n", "*|".repeat(500_000)),
        format!("question,answer\nQ,{}\n", "9".repeat(1_000_000)),
    ];
    for text in texts {
        let start = Instant::now();
        let _ = read(&text);
        let took = start.elapsed();
        assert!(
            took.as_millis() < if cfg!(debug_assertions) { 20_000 } else { 2_500 },
            "{:?} took {took:?}",
            &text[..30]
        );
    }
}

#[test]
fn mutated_tables_are_read_or_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..4000 {
        let mut text: Vec<char> = MIXED.chars().collect();
        for _ in 0..1 + rng.next_u64() % 4 {
            let at = (rng.next_u64() % text.len() as u64) as usize;
            let new = b"\",|\nAB4.\0x*"[(rng.next_u64() % 11) as usize].into();
            match rng.next_u64() % 3 {
                0 => text[at] = new,
                1 => text.insert(at, new),
                _ => {
                    text.remove(at);
                }
            }
        }
        match read(&text.iter().collect::<String>()) {
            Ok(items) => {
                accepted += 1;
                for item in items {
                    if let Some(solution) = item.solution() {
                        assert_eq!(item.mark(&solution).success(), Some(true), "{item:?}");
                    }
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with("t.csv"), "{error}");
            }
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} read, {refused} refused");
}
