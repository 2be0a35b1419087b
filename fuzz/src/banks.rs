//! Question banks: GIFT and tables.

use grpo_edu::assessment::bank::{BankError, BankItem};
use grpo_edu::assessment::table::{self, TableColumns};
use grpo_edu::assessment::{Item, gift as reader};
use grpo_edu::knowledge::{Columns, ResponseLog};

use crate::budget::within;
use crate::input;
use crate::item::check;

/// How many items of a bank are looked at.
const ITEMS: usize = 8;

/// A GIFT file.
pub fn gift(data: &[u8]) {
    let text = input::text(data);
    check_bank("bank.gift", within("reading", || reader::read(&text, "bank.gift")));
}

/// A table of questions, which is read as a table of answers too. A first line `;` or `|` says how columns or choices
/// are divided.
pub fn csv_bank(data: &[u8]) {
    let text = input::text(data);
    let (columns, text) = match text.split_once('\n') {
        Some((";", rest)) => (TableColumns { delimiter: ';', ..TableColumns::default() }, rest),
        Some(("|", rest)) => (TableColumns { separator: "; ".into(), ..TableColumns::default() }, rest),
        _ => (TableColumns::default(), text.as_str()),
    };
    check_bank("bank.csv", within("reading", || table::read(text, "bank.csv", &columns)));
    let log = within("a log", || ResponseLog::parse_csv(text, "answers.csv", &Columns::default()));
    match log {
        Ok(log) => assert_eq!(log.responses().len(), log.learners().len()),
        Err(error) => assert!(error.to_string().starts_with("answers.csv"), "{error}"),
    }
}

fn check_bank(name: &str, read: Result<Vec<BankItem>, BankError>) {
    match read {
        Ok(items) => {
            assert!(!items.is_empty());
            for item in items.iter().take(ITEMS) {
                check(item);
                assert_eq!(item.solution().is_some(), item.grading().is_scored(), "{item:?}");
                let shuffled = item.clone().shuffled(7);
                assert_eq!(shuffled.clone().in_order(), item.clone().in_order());
                check(&shuffled);
            }
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with(name) && message.len() < 2000, "{message}");
        }
    }
}
