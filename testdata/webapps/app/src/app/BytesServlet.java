package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;

/**
 * {@code /bytes?n=N}: N bytes of {@link Noise}.
 *
 * <p>{@code &cl=1} announces the length, {@code &seed=S} chooses the bytes, {@code &chunk=K} writes
 * them in pieces of K, {@code &flush=1} flushes and {@code &ms=M} waits after each piece.
 */
@WebServlet("/bytes")
public final class BytesServlet extends HttpServlet {
    private static final long MOST = 1L << 30;
    private static final int LARGEST_PIECE = 1 << 20;

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        long left = query.number("n", 0, MOST);
        byte[] piece = new byte[(int) Math.max(1, query.number("chunk", 8192, LARGEST_PIECE))];
        boolean flush = query.flag("flush");
        long ms = query.number("ms", 0, Pause.LONGEST_MS);
        Noise noise = new Noise(query.number("seed", 0, Long.MAX_VALUE));

        response.setContentType("application/octet-stream");
        if (query.flag("cl")) {
            response.setContentLengthLong(left);
        }
        OutputStream out = response.getOutputStream();
        while (left > 0) {
            int n = (int) Math.min(piece.length, left);
            noise.fill(piece, n);
            out.write(piece, 0, n);
            left -= n;
            if (flush) {
                out.flush();
            }
            Pause.ms(ms);
        }
    }
}
