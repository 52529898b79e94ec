//! The bytes that `/bytes` of the test application sends and `/sha?seed=` expects.

/// `n` bytes that depend on the seed alone: the outputs of xorshift64*, eight bytes each, lowest first. `Noise.java`
/// computes the same bytes.
pub(crate) fn bytes(seed: u64, n: usize) -> Vec<u8> {
    let mut state = match seed {
        0 => 0x9E37_79B9_7F4A_7C15,
        seed => seed,
    };
    let mut bytes = Vec::with_capacity(n.next_multiple_of(8));
    while bytes.len() < n {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(n);
    bytes
}
