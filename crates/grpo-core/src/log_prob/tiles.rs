use std::ops::Range;

/// How the `[tokens, vocab]` logits are cut into tiles, of which one is in memory at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Tokens of a tile, at most.
    pub tokens: usize,
    /// Vocabulary entries of a tile, at most.
    pub vocab: usize,
}

/// Logits that are small enough to be one tile on any device: 16 MB in single precision. Such a tile is kept for the backward pass.
const ONE_TILE: usize = 4 << 20;

/// Tokens and logits of a tile on a CPU: 4 MB in single precision, so that a tile is still in the cache when its gradient is
/// multiplied. (Measured on 4096 × 49,152 with 2 MB of second-level cache: 512 to 2048 tokens and 512 to 2048 entries are all
/// within a sixth of the best; tiles of 6 million logits take half as long again.)
const CPU: (usize, usize) = (1024, 1 << 20);

/// The same on a GPU, which needs more work at a time: 64 MB.
const GPU: (usize, usize) = (4096, 16 << 20);

impl Tiles {
    /// The tiles that are taken where nothing else is said: everything at once for a small vocabulary, 4 MB on CPUs and 64 MB on
    /// GPUs for a large one.
    pub fn fitting(tokens: usize, vocab: usize, gpu: bool) -> Self {
        if tokens.saturating_mul(vocab) <= ONE_TILE {
            return Self { tokens, vocab };
        }
        let (most, logits) = if gpu { GPU } else { CPU };
        let tokens = tokens.clamp(1, most);
        Self { tokens, vocab: even(vocab, (logits / tokens).max(1)) }
    }

    /// Blocks of tokens.
    pub(crate) fn of_tokens(self, tokens: usize) -> impl Iterator<Item = Range<usize>> {
        cut(tokens, self.tokens)
    }

    /// Parts of the vocabulary.
    pub(crate) fn of_vocab(self, vocab: usize) -> impl Iterator<Item = Range<usize>> {
        cut(vocab, self.vocab)
    }

    /// Whether everything is one tile.
    pub(crate) fn is_one(self, tokens: usize, vocab: usize) -> bool {
        tokens <= self.tokens && vocab <= self.vocab
    }
}

/// Parts of equal width, at most `width`, so that none is a sliver.
fn even(total: usize, width: usize) -> usize {
    total.div_ceil(total.div_ceil(width).max(1)).max(1)
}

fn cut(total: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(width.max(1)).map(move |start| start..(start + width.max(1)).min(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_everything_once() {
        for (tokens, vocab) in [(1, 1), (7, 330), (4096, 49_152), (5000, 151_936), (1, 1 << 24)] {
            for gpu in [false, true] {
                let tiles = Tiles::fitting(tokens, vocab, gpu);
                let ends = |ranges: Vec<Range<usize>>, total: usize| {
                    let mut at = 0;
                    for range in ranges {
                        assert!(range.start == at && range.end > at);
                        at = range.end;
                    }
                    assert_eq!(at, total);
                };
                ends(tiles.of_tokens(tokens).collect(), tokens);
                ends(tiles.of_vocab(vocab).collect(), vocab);
                let logits = tiles.tokens * tiles.vocab;
                assert!(logits <= ONE_TILE.max(if gpu { GPU.1 } else { CPU.1 }), "{tiles:?}");
            }
        }
        assert!(Tiles::fitting(2000, 330, false).is_one(2000, 330));
    }
}
