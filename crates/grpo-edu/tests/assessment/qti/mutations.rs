//! Items with something broken in them at random: reading and scoring never panics, and never takes long.

use std::time::{Duration, Instant};

use grpo_edu::assessment::qti::read_item;
use grpo_edu::assessment::{Item, Style};

use super::items;

/// How many broken items are tried.
const TRIES: u64 = 6_000;

/// A small generator of its own (SplitMix64), so that a failure can be repeated by its seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, list: &[&'a [u8]]) -> &'a [u8] {
        list[self.below(list.len())]
    }
}

/// Pieces that are likely to lead somewhere.
const PIECES: [&[u8]; 24] = [
    b"<null/>",
    b"</",
    b"<",
    b">",
    b"\"",
    b"&#0;",
    b"&amp;",
    b"multiple",
    b"ordered",
    b"record",
    b"single",
    b"float",
    b"integer",
    b"point",
    b"pair",
    b"directedPair",
    b"-1",
    b"99999999999999999999",
    b"1e308",
    b"NaN",
    b"\xff",
    b"\0",
    b"RESPONSE",
    b"SCORE",
];

/// The bytes from one `<` to the `>` after it, or a run of a few bytes.
fn span(xml: &[u8], draws: &mut Draws) -> std::ops::Range<usize> {
    let from = draws.below(xml.len());
    let start = xml[from..].iter().position(|byte| *byte == b'<').map_or(from, |at| from + at);
    if draws.below(2) == 0 {
        let end = xml[start..].iter().position(|byte| *byte == b'>').map_or(xml.len(), |at| start + at + 1);
        start..end
    } else {
        from..(from + draws.below(12)).min(xml.len())
    }
}

fn broken(xml: &[u8], other: &[u8], draws: &mut Draws) -> Vec<u8> {
    let mut xml = xml.to_vec();
    for _ in 0..=draws.below(3) {
        let place = span(&xml, draws);
        let piece: Vec<u8> = match draws.below(5) {
            0 => Vec::new(),
            1 => draws.of(&PIECES).to_vec(),
            2 => other[span(other, draws)].to_vec(),
            3 => xml[place.clone()].repeat(1 + draws.below(4)),
            _ => {
                let mut bytes = xml[place.clone()].to_vec();
                let at = draws.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b"0123456789aZ-.<>/\"= \x80"[draws.below(21)];
                }
                bytes
            }
        };
        xml.splice(place, piece);
        if xml.is_empty() {
            break;
        }
    }
    xml
}

#[test]
fn broken_items_are_refused_or_scored() {
    let items = items();
    let start = Instant::now();
    let (mut read, mut refused) = (0, 0);
    for seed in 0..TRIES {
        let mut draws = Draws(seed);
        let (name, xml) = &items[draws.below(items.len())];
        let (_, other) = &items[draws.below(items.len())];
        let xml = broken(xml, other, &mut draws);
        let began = Instant::now();
        match read_item(&xml, name) {
            Err(error) => {
                assert!(error.to_string().starts_with(name.as_str()), "seed {seed}: {error}");
                refused += 1;
            }
            Ok(item) => {
                for completion in
                    ["#### A", "#### 1-A, 2-B", "#### 3", "#### 1: 3; 2: 4; 3: A", "#### 10,20", ""]
                {
                    let marked = item.mark(completion);
                    let within = marked.score.is_none_or(|score| (marked.min..=marked.max).contains(&score));
                    assert!(within && marked.min <= marked.max, "seed {seed}: {marked:?}");
                }
                if let Some(solution) = item.solution() {
                    let marked = item.mark(&solution);
                    let full = marked.score.is_none_or(|score| score >= marked.max);
                    assert!(full, "seed {seed}: the solution {solution:?} of {name} earns {marked:?}");
                }
                assert!(
                    !item.prompt(Style::Markdown).is_empty() || item.interactions().is_empty(),
                    "seed {seed}"
                );
                read += 1;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(1), "seed {seed}: {:?}", began.elapsed());
    }
    // Both must happen, or the mutations are too strong or too weak to test anything.
    assert!(read > TRIES / 20 && refused > TRIES / 5, "{read} read, {refused} refused");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
