package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code /echo}, any method: everything a servlet can learn about its request. Leaves the body unread.
 *
 * <p>{@code ?attribute=NAME}, repeatable, also asks for a request attribute that the front end may
 * have sent: Tomcat hands those out by name, but does not list them.
 */
@WebServlet("/echo/*")
public final class EchoServlet extends HttpServlet {
    /** Request attributes that Tomcat makes up only when they are asked for by name. */
    private static final List<String> ON_DEMAND = List.of(
            "jakarta.servlet.request.cipher_suite",
            "jakarta.servlet.request.key_size",
            "jakarta.servlet.request.ssl_session_id",
            "jakarta.servlet.request.secure_protocol",
            "jakarta.servlet.request.X509Certificate",
            "org.apache.tomcat.util.net.secure_protocol_version",
            "JK_LB_ACTIVATION");

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("node", LedgerFilter.node(request));
        answer.put("method", request.getMethod());
        answer.put("requestURI", request.getRequestURI());
        answer.put("contextPath", request.getContextPath());
        answer.put("servletPath", request.getServletPath());
        answer.put("pathInfo", request.getPathInfo());
        answer.put("queryString", request.getQueryString());
        answer.put("protocol", request.getProtocol());
        answer.put("scheme", request.getScheme());
        answer.put("secure", request.isSecure());
        answer.put("serverName", request.getServerName());
        answer.put("serverPort", request.getServerPort());
        answer.put("localName", request.getLocalName());
        answer.put("localAddr", request.getLocalAddr());
        answer.put("localPort", request.getLocalPort());
        answer.put("remoteAddr", request.getRemoteAddr());
        answer.put("remoteHost", request.getRemoteHost());
        answer.put("remotePort", request.getRemotePort());
        answer.put("remoteUser", request.getRemoteUser());
        answer.put("authType", request.getAuthType());
        answer.put("contentLength", request.getContentLengthLong());
        answer.put("contentType", request.getContentType());
        answer.put("characterEncoding", request.getCharacterEncoding());
        answer.put("requestedSessionId", request.getRequestedSessionId());
        answer.put("headers", Coyote.headers(request));
        answer.put("attributes", attributes(request));
        Json.send(response, answer);
    }

    private static Map<String, Object> attributes(HttpServletRequest request) {
        Map<String, Object> found = new TreeMap<>();
        List<String> wanted = new ArrayList<>(ON_DEMAND);
        wanted.addAll(Query.of(request).all("attribute"));
        for (String name : wanted) {
            Object value = request.getAttribute(name);
            if (value != null) {
                found.put(name, text(value));
            }
        }
        for (String name : Collections.list(request.getAttributeNames())) {
            found.put(name, text(request.getAttribute(name)));
        }
        return found;
    }

    /** A certificate chain as its subjects, leaf first; anything else as Java prints it. */
    private static String text(Object value) {
        if (value instanceof X509Certificate[] chain) {
            return Arrays.stream(chain).map(one -> one.getSubjectX500Principal().getName()).toList().toString();
        }
        return String.valueOf(value);
    }
}
