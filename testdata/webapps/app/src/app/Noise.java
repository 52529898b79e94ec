package app;

/**
 * Bytes that look random and that anyone can compute again: xorshift64*, each 64-bit output as
 * eight bytes, lowest first. A seed of 0, which the generator cannot leave, stands for {@link #ZERO}.
 */
final class Noise {
    private static final long ZERO = 0x9E3779B97F4A7C15L;

    private long state;
    private long word;
    private int left;

    Noise(long seed) {
        state = seed == 0 ? ZERO : seed;
    }

    byte next() {
        if (left == 0) {
            state ^= state >>> 12;
            state ^= state << 25;
            state ^= state >>> 27;
            word = state * 0x2545F4914F6CDD1DL;
            left = 8;
        }
        byte low = (byte) word;
        word >>>= 8;
        left--;
        return low;
    }

    void fill(byte[] buffer, int length) {
        for (int i = 0; i < length; i++) {
            buffer[i] = next();
        }
    }
}
