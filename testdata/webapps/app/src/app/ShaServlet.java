package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code /sha}: reads the request body and says what arrived.
 *
 * <ul>
 *   <li>{@code ?read=N} stops after N bytes, {@code ?ignore=1} reads nothing.
 *   <li>{@code ?early=1} sends head and first line before it reads; the result is the second line.
 *   <li>{@code ?pause=MS} waits before each read of up to 64 KiB, as a slow application does.
 *   <li>{@code ?seed=S} also compares the body with {@link Noise} of that seed.
 * </ul>
 */
@WebServlet("/sha")
public final class ShaServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        if (query.flag("early")) {
            Json.send(response, Map.of("early", true));
            response.flushBuffer();
        }
        long wanted = query.flag("ignore") ? 0 : query.number("read", Long.MAX_VALUE, Long.MAX_VALUE);
        Body body = new Body(query);
        body.read(request.getInputStream(), wanted);

        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.put("bytes", body.bytes);
        answer.put("sha256", HexFormat.of().formatHex(body.digest.digest()));
        answer.put("contentLength", request.getContentLengthLong());
        if (body.expected != null) {
            answer.put("matches", body.matches);
        }
        Json.send(response, answer);
    }

    private static final class Body {
        private final MessageDigest digest;
        private final Noise expected;
        private final long pause;
        private boolean matches = true;
        private long bytes;

        Body(Query query) {
            try {
                digest = MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
            expected = query.has("seed") ? new Noise(query.number("seed", 0, Long.MAX_VALUE)) : null;
            pause = query.number("pause", 0, Pause.LONGEST_MS);
        }

        void read(InputStream in, long wanted) throws IOException {
            byte[] buffer = new byte[64 * 1024];
            while (bytes < wanted) {
                Pause.ms(pause);
                int n = in.read(buffer, 0, (int) Math.min(buffer.length, wanted - bytes));
                if (n < 0) {
                    return;
                }
                take(buffer, n);
            }
        }

        private void take(byte[] buffer, int n) {
            digest.update(buffer, 0, n);
            bytes += n;
            for (int i = 0; expected != null && i < n; i++) {
                matches &= buffer[i] == expected.next();
            }
        }
    }
}
