package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/**
 * Response headers of every kind.
 *
 * <ul>
 *   <li>{@code /headers?h=Name:Value}, repeatable: exactly these, control characters included
 *       ({@code %0D%0A}, {@code %00}). {@code &big=N} adds one X-Big of N bytes, {@code &many=N}
 *       adds X-Many-1 to X-Many-N.
 *   <li>{@code /redirect?to=URL}: {@code sendRedirect}; with {@code &encode=1} the session id is put
 *       into the URL, with {@code &code=N} status and Location are set by hand.
 *   <li>{@code /cookie?name=N&value=V[&path=P][&domain=D][&secure=1][&httpOnly=1][&maxAge=S]}.
 * </ul>
 */
@WebServlet({"/headers", "/redirect", "/cookie"})
public final class HeadersServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Query query = Query.of(request);
        switch (request.getServletPath()) {
            case "/redirect" -> redirect(query, response);
            case "/cookie" -> {
                response.addCookie(cookie(query));
                ok(response);
            }
            default -> {
                headers(query, response);
                ok(response);
            }
        }
    }

    private static void headers(Query query, HttpServletResponse response) {
        for (String header : query.all("h")) {
            int colon = header.indexOf(':');
            response.addHeader(header.substring(0, colon), header.substring(colon + 1));
        }
        if (query.has("big")) {
            response.addHeader("X-Big", "b".repeat((int) query.number("big", 0, 1 << 20)));
        }
        for (long i = 1; i <= query.number("many", 0, 100_000); i++) {
            response.addHeader("X-Many-" + i, "value " + i);
        }
    }

    private static void redirect(Query query, HttpServletResponse response) throws IOException {
        String to = query.text("to", "");
        String target = query.flag("encode") ? response.encodeRedirectURL(to) : to;
        if (query.has("code")) {
            response.setStatus((int) query.number("code", 302, 999));
            response.setHeader("Location", target);
        } else {
            response.sendRedirect(target);
        }
    }

    private static Cookie cookie(Query query) {
        Cookie cookie = new Cookie(query.text("name", "c"), query.text("value", ""));
        cookie.setPath(query.text("path", null));
        if (query.has("domain")) {
            cookie.setDomain(query.text("domain", null));
        }
        cookie.setSecure(query.flag("secure"));
        cookie.setHttpOnly(query.flag("httpOnly"));
        if (query.has("maxAge")) {
            cookie.setMaxAge((int) query.number("maxAge", 0, Integer.MAX_VALUE));
        }
        return cookie;
    }

    private static void ok(HttpServletResponse response) throws IOException {
        if (response.getContentType() == null) {
            response.setContentType("text/plain");
        }
        response.getOutputStream().print("ok");
    }
}
