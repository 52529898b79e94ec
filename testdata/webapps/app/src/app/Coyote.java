package app;

import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.connector.RequestFacade;
import org.apache.coyote.AbstractProcessor;
import org.apache.coyote.Request;
import org.apache.tomcat.util.http.MimeHeaders;
import org.apache.tomcat.util.net.SocketWrapperBase;

/** What only Tomcat's own objects know, behind the facade that servlets are handed. */
final class Coyote {
    private Coyote() {}

    /** The request headers as they came over the wire: order, case and repetitions kept. */
    static List<List<String>> headers(HttpServletRequest request) {
        MimeHeaders headers = behind(request).getMimeHeaders();
        List<List<String>> list = new ArrayList<>();
        for (int i = 0; i < headers.size(); i++) {
            list.add(List.of(headers.getName(i).toString(), headers.getValue(i).toString()));
        }
        return list;
    }

    /**
     * Closes the TCP connection at once: no END_RESPONSE, no further byte. (Tomcat's own way,
     * {@code ActionCode.CLOSE_NOW}, only falls silent on an AJP connection.)
     */
    static void close(HttpServletRequest request) {
        Object processor = field(Request.class, "hook", behind(request));
        SocketWrapperBase<?> socket =
                (SocketWrapperBase<?>) field(AbstractProcessor.class, "socketWrapper", processor);
        socket.close();
    }

    private static Request behind(HttpServletRequest request) {
        Object connector = field(RequestFacade.class, "request", request);
        return ((org.apache.catalina.connector.Request) connector).getCoyoteRequest();
    }

    private static Object field(Class<?> type, String name, Object owner) {
        try {
            var field = type.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(owner);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this Tomcat keeps " + name + " elsewhere", e);
        }
    }
}
