//! Paying an amount coin by coin.

use std::fmt;

/// What there is to pay with.
const COINS: [usize; 4] = [20, 7, 3, 1];

/// Coins in the purse.
const PURSE: usize = 8;

/// A coin each, and to stop.
pub(crate) const ACTIONS: usize = COINS.len() + 1;

/// The action that ends the payment.
pub(crate) const STOP: usize = COINS.len();

/// Amounts go from 1 to this one. All can be paid with the purse.
pub(crate) const AMOUNTS: usize = 60;

/// A state says what is still to be paid: one of the numbers from 0 to [`AMOUNTS`], or that it was too much.
pub(crate) const STATE: usize = AMOUNTS + 2;

#[derive(Debug, Clone)]
pub(crate) struct Payment {
    amount: usize,
    coins: Vec<usize>,
    stopped: bool,
}

impl Payment {
    pub(crate) fn new(amount: usize) -> Self {
        Self { amount, coins: Vec::new(), stopped: false }
    }

    /// `[STATE]`.
    pub(crate) fn state(&self) -> [f32; STATE] {
        let mut state = [0.0; STATE];
        state[self.amount.checked_sub(self.paid()).unwrap_or(STATE - 1)] = 1.0;
        state
    }

    /// Lays down a coin, or stops.
    pub(crate) fn act(&mut self, action: usize) {
        match COINS.get(action) {
            Some(&coin) => self.coins.push(coin),
            None => self.stopped = true,
        }
    }

    /// The agent has stopped, or the purse is empty.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped || self.coins.len() == PURSE
    }

    /// Nothing for a wrong amount; for the right one, the more the fewer coins it took.
    pub(crate) fn reward(&self) -> f64 {
        if self.is_exact() { 1.0 - 0.05 * self.coins.len() as f64 } else { 0.0 }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.paid() == self.amount
    }

    /// Exact, and there is no way with fewer coins.
    pub(crate) fn is_fewest(&self) -> bool {
        self.is_exact() && self.coins.len() == fewest(self.amount)
    }

    fn paid(&self) -> usize {
        self.coins.iter().sum()
    }
}

/// The fewest coins that an amount can be paid with.
fn fewest(amount: usize) -> usize {
    let mut best = vec![0];
    for amount in 1..=amount {
        let with = COINS.iter().filter(|&&coin| coin <= amount).map(|&coin| 1 + best[amount - coin]);
        best.push(with.min().unwrap_or(usize::MAX));
    }
    best[amount]
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coins: Vec<String> = self.coins.iter().map(ToString::to_string).collect();
        let sum = if coins.is_empty() { "nothing".into() } else { coins.join(" + ") };
        write!(f, "{} = {sum}", self.amount)?;
        if self.is_exact() { Ok(()) } else { write!(f, " (wrong)") }
    }
}
