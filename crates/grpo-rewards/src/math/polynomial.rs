//! Polynomials with exact coefficients over a few atoms, and what reduces them.

use super::rational::Exact;

/// One polynomial may have this many terms. `(x+1)^{20}` has 21; products of people's answers stay below 30.
const MAX_TERMS: usize = 64;
/// How many products of two terms one comparison may form: two milliseconds with the largest coefficients.
const MAX_WORK: usize = 1500;
/// Atoms that one comparison may have: each has a byte of a [`Monomial`].
pub(super) const MAX_ATOMS: usize = 16;
/// The exponents of all atoms, a byte each; a product of monomials is their sum.
pub(super) type Monomial = u128;

/// The bits that are set where an exponent is above 127: the sum of two that are not still fits its byte.
const OVERFLOW: u128 = 0x8080_8080_8080_8080_8080_8080_8080_8080;

/// Terms in descending order of their monomials, none of them zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Polynomial {
    pub(super) terms: Vec<(Monomial, Exact)>,
}

impl Polynomial {
    pub(super) fn constant(value: Exact) -> Self {
        Self { terms: if value.is_zero() { Vec::new() } else { vec![(0, value)] } }
    }

    pub(super) fn atom(atom: usize) -> Self {
        Self { terms: vec![(1 << (8 * atom), Exact::ONE)] }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value of a polynomial without atoms.
    pub(super) fn as_constant(&self) -> Option<Exact> {
        match self.terms.as_slice() {
            [] => Some(Exact::ZERO),
            [(0, value)] => Some(value.clone()),
            _ => None,
        }
    }

    /// `None` where a coefficient or the number of terms grows too large.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut left, mut right) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => left.next().cloned(),
                (None, Some(_)) => right.next().cloned(),
                (Some(a), Some(b)) if a.0 > b.0 => left.next().cloned(),
                (Some(a), Some(b)) if a.0 < b.0 => right.next().cloned(),
                (Some(a), Some(b)) => {
                    let sum = (a.0, a.1.plus(&b.1)?);
                    left.next();
                    right.next();
                    Some(sum)
                }
            };
            terms.extend(next.filter(|(_, factor)| !factor.is_zero()));
        }
        (terms.len() <= MAX_TERMS).then_some(Self { terms })
    }

    pub(super) fn scaled(&self, factor: &Exact) -> Option<Self> {
        if factor.is_zero() {
            return Some(Self::default());
        }
        if *factor == Exact::ONE {
            return Some(self.clone());
        }
        let terms = self.terms.iter().map(|(monomial, value)| Some((*monomial, value.times(factor)?)));
        Some(Self { terms: terms.collect::<Option<_>>()? })
    }

    /// Sorts terms and adds those with the same monomial.
    fn collected(mut terms: Vec<(Monomial, Exact)>) -> Option<Self> {
        terms.sort_unstable_by_key(|term| std::cmp::Reverse(term.0));
        let mut merged: Vec<(Monomial, Exact)> = Vec::with_capacity(terms.len().min(MAX_TERMS + 1));
        for (monomial, value) in terms {
            match merged.last_mut() {
                Some(last) if last.0 == monomial => last.1 = last.1.plus(&value)?,
                _ => {
                    if merged.last().is_some_and(|last| last.1.is_zero()) {
                        merged.pop();
                    }
                    if merged.len() >= MAX_TERMS {
                        return None;
                    }
                    merged.push((monomial, value));
                }
            }
        }
        if merged.last().is_some_and(|last| last.1.is_zero()) {
            merged.pop();
        }
        Some(Self { terms: merged })
    }
}

/// An atom that is the root of a polynomial, so that its powers reduce: `i² = -1`, `√3² = 3`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reduction {
    pub(super) atom: usize,
    pub(super) degree: u8,
    pub(super) radicand: Polynomial,
}

/// Multiplication with reduction, and a limit to how much of it is done.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pub(super) reductions: Vec<Reduction>,
    work: usize,
}

impl Ring {
    fn spend(&mut self, work: usize) -> Option<()> {
        self.work += work;
        (self.work <= MAX_WORK).then_some(())
    }

    /// `None` where it grows too large.
    pub(super) fn product(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        match (a.as_constant(), b.as_constant()) {
            (_, Some(factor)) => return a.scaled(&factor),
            (Some(factor), _) => return b.scaled(&factor),
            _ => {}
        }
        self.spend(a.terms.len() * b.terms.len())?;
        let mut terms = Vec::with_capacity(a.terms.len() * b.terms.len());
        for (left, factor) in &a.terms {
            for (right, other) in &b.terms {
                terms.push((monomial_product(*left, *right)?, factor.times(other)?));
            }
        }
        self.reduced(terms)
    }

    pub(super) fn power(&mut self, base: &Polynomial, exponent: u32) -> Option<Polynomial> {
        let mut result = Polynomial::constant(Exact::ONE);
        for _ in 0..exponent {
            result = self.product(&result, base)?;
        }
        Some(result)
    }

    fn reduced(&mut self, mut terms: Vec<(Monomial, Exact)>) -> Option<Polynomial> {
        if self.reductions.is_empty() {
            return Polynomial::collected(terms);
        }
        let mut done = Vec::with_capacity(terms.len());
        while let Some((monomial, value)) = terms.pop() {
            let found = self
                .reductions
                .iter()
                .find(|reduction| exponent(monomial, reduction.atom) >= u128::from(reduction.degree));
            let Some(reduction) = found else {
                done.push((monomial, value));
                continue;
            };
            let rest = monomial - (u128::from(reduction.degree) << (8 * reduction.atom));
            let replaced = reduction.radicand.terms.len();
            for (other, factor) in &reduction.radicand.terms {
                terms.push((monomial_product(rest, *other)?, value.times(factor)?));
            }
            self.spend(replaced)?;
        }
        Polynomial::collected(done)
    }
}

pub(super) fn exponent(monomial: Monomial, atom: usize) -> u128 {
    (monomial >> (8 * atom)) & 0xff
}

fn monomial_product(a: Monomial, b: Monomial) -> Option<Monomial> {
    let product = a + b;
    (product & OVERFLOW == 0).then_some(product)
}
