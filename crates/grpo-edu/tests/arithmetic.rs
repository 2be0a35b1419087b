//! The word problems through the public surface.

use grpo_edu::arithmetic::{FINAL_MARK, tokens};
use grpo_edu::{Arithmetic, ArithmeticConfig, EduError, Problem, Split};
use std::collections::{BTreeSet, HashSet};

const SEED: u64 = 11;

fn arithmetic(config: ArithmeticConfig) -> Arithmetic {
    Arithmetic::new(config, SEED).expect("the configuration is valid")
}

/// The corners of the configuration, where a template could run out of numbers.
fn corners() -> Vec<ArithmeticConfig> {
    let mut corners = vec![];
    for max_number in [10, 20, 99] {
        for max_addend in [2, max_number] {
            for max_factor in [3, 9] {
                corners.push(ArithmeticConfig { max_number, max_addend, max_factor, ..Default::default() });
            }
        }
    }
    corners
}

/// Reads `7 * 8 = 56 , 56 + 5 = 61 #### 61` and gives the numbers of each step and the final, having
/// calculated every step anew.
fn check_solution(problem: &Problem) -> Vec<i64> {
    let text = &problem.solution;
    let (working, last) = text.split_once(&format!(" {FINAL_MARK} ")).expect(text);
    let mut numbers = vec![];
    let mut result = None;
    for step in working.split(" , ") {
        let parts: Vec<&str> = step.split(' ').collect();
        let &[left, sign, right, "=", claimed] = parts.as_slice() else { panic!("{text}") };
        let [left, right, claimed] = [left, right, claimed].map(|number| number.parse::<i64>().expect(text));
        let exact = match sign {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => {
                assert_eq!(left % right, 0, "{text}");
                left / right
            }
            _ => panic!("{text}"),
        };
        assert_eq!(exact, claimed, "{text}");
        if "*/".contains(sign) {
            let (small, other) = if sign == "*" { (left, right) } else { (right, exact) };
            assert!((2..=9).contains(&small) && (2..=9).contains(&other), "{text}");
        }
        if let Some(result) = result {
            assert!(left == result || right == result, "the second step does not use the first: {text}");
        }
        numbers.extend([left, right, claimed]);
        result = Some(claimed);
    }
    assert_eq!(last.parse(), Ok(problem.answer), "{text}");
    assert_eq!(result, Some(problem.answer), "{text}");
    assert_eq!(numbers.len(), 3 * usize::from(problem.steps), "{text}");
    numbers
}

#[test]
fn every_solution_is_right_and_every_number_in_range() {
    let arithmetic = arithmetic(ArithmeticConfig::default());
    for index in 0..20_000 {
        let problem = arithmetic.problem(index);
        let numbers = check_solution(&problem);
        assert!(numbers.iter().all(|number| (0..=99).contains(number)), "{problem:?}");
        // All numbers of the question are used, and none comes from nowhere.
        for number in tokens(&problem.question).filter_map(|token| token.parse::<i64>().ok()) {
            assert!(number >= 2, "a counted noun could be singular: {problem:?}");
            assert!(numbers.contains(&number), "{problem:?}");
        }
    }
}

#[test]
fn limits_hold_and_every_template_occurs_at_the_corners() {
    for config in corners() {
        let (max_number, max_addend) = (i64::from(config.max_number), i64::from(config.max_addend));
        let arithmetic = arithmetic(config.clone());
        for (template, count) in arithmetic.distinct_questions() {
            assert!(count > 0, "{template} has no question under {config:?}");
        }
        let mut templates = BTreeSet::new();
        for index in 0..2_000 {
            let problem = arithmetic.problem(index);
            assert!(check_solution(&problem).iter().all(|&n| n <= max_number), "{problem:?}");
            if problem.solution.contains('+') {
                let (_, after) = problem.solution.split_once(" + ").expect("a sum");
                let addend: i64 = after.split(' ').next().expect("a number").parse().expect("a number");
                assert!(addend <= max_addend.max(9), "{problem:?}");
            }
            templates.insert(problem.template);
        }
        assert_eq!(templates.len(), arithmetic.distinct_questions().len());
    }
}

#[test]
fn the_embedded_recipe_has_over_a_hundred_thousand_distinct_questions_too() {
    let config = ArithmeticConfig { max_number: 30, max_addend: 9, ..ArithmeticConfig::default() };
    let arithmetic = Arithmetic::new(config, SEED).expect("valid");
    let total: u64 = arithmetic.distinct_questions().iter().map(|(_, count)| count).sum();
    assert!(total > 1_000_000, "{total}");
    let distinct: HashSet<String> = (0..150_000).map(|index| arithmetic.problem(index).question).collect();
    assert!(distinct.len() > 60_000, "{}", distinct.len());
    println!("{total} counted, {} of 150,000 drawn", distinct.len());
}

#[test]
fn there_are_over_a_hundred_thousand_distinct_questions() {
    let arithmetic = arithmetic(ArithmeticConfig::default());
    let counts = arithmetic.distinct_questions();
    assert!(counts.len() >= 14, "{counts:?}");
    let counted: u64 = counts.iter().map(|(_, count)| count).sum();
    assert!(counted >= 100_000, "{counted}");
    let generated: HashSet<String> = (0..150_000).map(|index| arithmetic.problem(index).question).collect();
    assert!(generated.len() >= 100_000, "{}", generated.len());
}

#[test]
fn counts_are_exact() {
    // Few enough questions to see all of them: the drawn set must reach the count and never exceed it.
    let config = ArithmeticConfig { max_number: 10, max_addend: 2, max_factor: 3, ..Default::default() };
    let arithmetic = arithmetic(config);
    let mut seen: HashSet<(String, String)> = HashSet::new();
    for index in 0..120_000 {
        let problem = arithmetic.problem(index);
        seen.insert((problem.template, problem.question));
    }
    let distinct: HashSet<_> = seen.iter().map(|(_, question)| question).collect();
    assert_eq!(distinct.len(), seen.len(), "two templates share a question");
    let mut complete = 0;
    for (template, count) in arithmetic.distinct_questions() {
        let found = seen.iter().filter(|(name, _)| name == template).count() as u64;
        assert!(found <= count, "{template}: {found} seen, {count} counted");
        // Each question of these templates was drawn 15 times on average or more: missing one is very unlikely.
        if count <= 280 {
            complete += 1;
            assert_eq!(found, count, "{template}");
        }
    }
    assert!(complete >= 10, "{complete}");
}

#[test]
fn splits_are_disjoint_and_of_the_stated_size() {
    let one = Arithmetic::new(ArithmeticConfig::default(), 1).expect("valid");
    let two = Arithmetic::new(ArithmeticConfig::default(), 2).expect("valid");
    let texts = |problems: Vec<Problem>| problems.into_iter().map(|p| p.question).collect::<HashSet<_>>();
    let held_out = texts(one.distinct(Split::HeldOut, 1_000).expect("enough"));
    let validation = texts(one.distinct(Split::Validation, 1_000).expect("enough"));
    let train: HashSet<String> = two.problems(Split::Train).take(30_000).map(|p| p.question).collect();
    assert_eq!((held_out.len(), validation.len()), (1_000, 1_000));
    assert!(held_out.is_disjoint(&validation));
    // Another seed's training questions are no exception.
    assert!(train.is_disjoint(&held_out) && train.is_disjoint(&validation));

    let mut counts = [0; 3];
    for index in 0..40_000 {
        counts[Split::of(&one.problem(index).question) as usize] += 1;
    }
    // 36,000, 2,000 and 2,000 expected; the standard deviation of the small ones is about 44.
    assert!((counts[1] - 2_000_i32).abs() < 250 && (counts[2] - 2_000_i32).abs() < 250, "{counts:?}");
}

#[test]
fn splits_do_not_change_between_versions() {
    let frozen = [
        ("Mia buys 7 pens for 8 coins each. How many coins does she pay?", Split::Train),
        (
            "Ben buys 3 cups for 3 coins each and a bag for 13 coins. How many coins does he pay?",
            Split::Validation,
        ),
        ("Sam saves 6 coins every week. How many coins does he have after 8 weeks?", Split::HeldOut),
    ];
    for (question, split) in frozen {
        assert_eq!(Split::of(question), split, "{question}");
    }
}

/// The value of an expression of numbers, + - * / and brackets, by precedence climbing.
fn value<'a>(tokens: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>, above: u8) -> i64 {
    let mut left = match tokens.next().expect("an operand") {
        "(" => {
            let inner = value(tokens, 0);
            assert_eq!(tokens.next(), Some(")"));
            inner
        }
        number => number.parse().expect(number),
    };
    while let Some(&sign) = tokens.peek() {
        let precedence = match sign {
            "+" | "-" => 1,
            "*" | "/" => 2,
            _ => break,
        };
        if precedence <= above {
            break;
        }
        tokens.next();
        let right = value(tokens, precedence);
        left = match sign {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            _ => left / right,
        };
    }
    left
}

#[test]
fn solutions_in_one_expression_are_right_and_as_frequent_as_asked() {
    let config = ArithmeticConfig { at_once_share: 0.7, ..ArithmeticConfig::default() };
    let arithmetic = Arithmetic::new(config, SEED).expect("valid");
    let step_by_step = Arithmetic::new(ArithmeticConfig::default(), SEED).expect("valid");
    let known: HashSet<String> = arithmetic.vocabulary().into_iter().collect();
    let (mut two_steps, mut at_once, mut brackets) = (0, 0, 0);
    for index in 0..20_000 {
        let problem = arithmetic.problem(index);
        let text = &problem.solution;
        assert_eq!(problem.question, step_by_step.problem(index).question);
        assert!(text.split(' ').all(|token| known.contains(token)), "{text}");
        two_steps += usize::from(problem.steps == 2);
        if problem.steps == 1 || text.contains(',') {
            check_solution(&problem);
            continue;
        }
        at_once += 1;
        brackets += usize::from(text.contains('('));
        let (working, last) = text.split_once(&format!(" {FINAL_MARK} ")).expect(text);
        let (expression, claimed) = working.split_once(" = ").expect(text);
        assert_eq!(value(&mut expression.split(' ').peekable(), 0), problem.answer, "{text}");
        assert_eq!(claimed.parse(), Ok(problem.answer), "{text}");
        assert_eq!(last.parse(), Ok(problem.answer), "{text}");
    }
    let share = f64::from(at_once) / two_steps as f64;
    assert!((share - 0.7).abs() < 0.02, "{share}");
    assert!(brackets > 0);
}

#[test]
fn the_vocabulary_is_small_and_covers_everything() {
    let arithmetic = arithmetic(ArithmeticConfig::default());
    let vocabulary = arithmetic.vocabulary();
    assert!(vocabulary.is_sorted() && vocabulary.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(vocabulary, Arithmetic::new(ArithmeticConfig::default(), 99).expect("valid").vocabulary());
    let words = vocabulary.iter().filter(|token| token.parse::<u32>().is_err()).count();
    assert!(words <= 180, "{words} words");
    let known: HashSet<&str> = vocabulary.iter().map(String::as_str).collect();
    let mut used = HashSet::new();
    for index in 0..20_000 {
        let problem = arithmetic.problem(index);
        for token in tokens(&problem.question).chain(tokens(&problem.solution)) {
            assert!(known.contains(token), "{token:?} of {problem:?}");
            used.insert(token.to_owned());
        }
    }
    // Nothing in the vocabulary is dead but the number 0, and the brackets of solutions in one expression.
    let unused: Vec<_> = vocabulary.iter().filter(|token| !used.contains(*token)).collect();
    assert_eq!(unused, ["(", ")", "0"]);
}

#[test]
fn the_same_seed_and_index_give_the_same_problem() {
    let one = arithmetic(ArithmeticConfig::default());
    let again = arithmetic(ArithmeticConfig::default());
    let backwards: Vec<_> = (0..500).rev().map(|index| again.problem(index)).collect();
    let forwards: Vec<_> = (0..500).map(|index| one.problem(index)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
    let other = Arithmetic::new(ArithmeticConfig::default(), SEED + 1).expect("valid");
    let same = (0..500).filter(|&index| other.problem(index) == forwards[index as usize]).count();
    assert!(same < 5, "{same} of 500 problems do not depend on the seed");
}

#[test]
fn questions_read_as_prose() {
    let arithmetic = arithmetic(ArithmeticConfig::default());
    for index in 0..20_000 {
        let text = arithmetic.problem(index).question;
        let words: Vec<&str> = text.split(' ').collect();
        assert!(words.len() <= 26, "{} words: {text}", words.len());
        assert!(words.iter().all(|word| !word.is_empty()), "{text}");
        assert!(text.ends_with('?') && text.matches('?').count() == 1, "{text}");
        // A sentence starts with a capital letter.
        for sentence in text.split(['.', '?']).map(str::trim_start).filter(|rest| !rest.is_empty()) {
            assert!(sentence.starts_with(|c: char| c.is_ascii_uppercase()), "{text}");
        }
        for pair in words.windows(2) {
            assert_ne!(pair[0], pair[1], "{text}");
            assert!(pair[0] != "a" || !pair[1].starts_with(['a', 'e', 'i', 'o']), "{text}");
        }
    }
}

#[test]
fn the_share_of_two_step_problems_is_the_configured_one() {
    for (two_step_share, expected) in [(0.0, 0..=0), (0.25, 2_300..=2_700), (1.0, 10_000..=10_000)] {
        let arithmetic = arithmetic(ArithmeticConfig { two_step_share, ..Default::default() });
        let two = (0..10_000).filter(|&index| arithmetic.problem(index).steps == 2).count();
        assert!(expected.contains(&two), "{two_step_share}: {two}");
    }
}

#[test]
fn impossible_configurations_are_refused_by_key() {
    let default = ArithmeticConfig::default();
    let cases = [
        ("max_number", ArithmeticConfig { max_number: 100, ..default.clone() }),
        ("max_number", ArithmeticConfig { max_number: 9, ..default.clone() }),
        ("max_addend", ArithmeticConfig { max_number: 10, max_addend: 11, ..default.clone() }),
        ("max_factor", ArithmeticConfig { max_factor: 2, ..default.clone() }),
        ("two_step_share", ArithmeticConfig { two_step_share: f64::NAN, ..default.clone() }),
        ("two_step_share", ArithmeticConfig { two_step_share: 1.1, ..default.clone() }),
    ];
    for (key, config) in cases {
        let error = Arithmetic::new(config, 0).expect_err(key);
        assert!(matches!(error, EduError::Config { key: found, .. } if found == key), "{error}");
    }
    let unknown = serde_json::from_str::<ArithmeticConfig>(r#"{"max_numbers": 3}"#).expect_err("unknown key");
    assert!(unknown.to_string().contains("max_numbers"));
    let partial: ArithmeticConfig =
        serde_json::from_str(r#"{"max_addend": 9}"#).expect("defaults fill the rest");
    assert_eq!(partial, ArithmeticConfig { max_addend: 9, ..default });
}

#[test]
fn asking_for_more_questions_than_there_are_is_an_error() {
    let few = ArithmeticConfig {
        max_number: 10,
        max_addend: 2,
        max_factor: 3,
        two_step_share: 0.0,
        ..Default::default()
    };
    let arithmetic = arithmetic(few);
    let one_step: HashSet<String> = (0..2_000).map(|index| arithmetic.problem(index).template).collect();
    let counts = arithmetic.distinct_questions();
    let all: u64 = counts.iter().filter(|(name, _)| one_step.contains(*name)).map(|(_, count)| count).sum();
    // A twentieth is held out, so a tenth cannot be.
    let error = arithmetic.distinct(Split::HeldOut, all as usize / 10).expect_err("too many");
    assert!(matches!(error, EduError::TooFewQuestions { .. }), "{error}");
}
