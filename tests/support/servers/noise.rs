//! The bytes that the test application's `/bytes` sends and its `/sha?seed=` expects.

/// xorshift64*, each output as eight bytes, lowest first: the twin of `Noise.java`.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    state: u64,
    word: [u8; 8],
    used: usize,
}

impl Noise {
    /// A stream of bytes that depends on nothing but the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let state = if seed == 0 {
            0x9E37_79B9_7F4A_7C15
        } else {
            seed
        };
        Self {
            state,
            word: [0; 8],
            used: 8,
        }
    }

    /// Its first `n` bytes.
    pub(crate) fn bytes(seed: u64, n: usize) -> Vec<u8> {
        Self::new(seed).take(n).collect()
    }
}

impl Iterator for Noise {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.used == self.word.len() {
            self.state ^= self.state >> 12;
            self.state ^= self.state << 25;
            self.state ^= self.state >> 27;
            self.word = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
            self.used = 0;
        }
        let byte = self.word.get(self.used).copied();
        self.used += 1;
        byte
    }
}
