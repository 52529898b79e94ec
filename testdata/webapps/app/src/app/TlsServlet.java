package app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.cert.X509Certificate;
import java.util.Collections;

/**
 * {@code /tls}: what a servlet sees of TLS, one fact a line. Each certificate of the client comes with subject, serial
 * number and length in DER; header fields that claim such facts come as {@code forged}.
 */
@WebServlet("/tls")
public final class TlsServlet extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("text/plain;charset=UTF-8");
        PrintWriter out = response.getWriter();
        out.println("secure=" + request.isSecure());
        out.println("scheme=" + request.getScheme());
        out.println("name=" + request.getServerName());
        out.println("port=" + request.getServerPort());
        out.println("cipher=" + request.getAttribute("jakarta.servlet.request.cipher_suite"));
        out.println("bits=" + request.getAttribute("jakarta.servlet.request.key_size"));
        out.println("protocol=" + request.getAttribute("org.apache.tomcat.util.net.secure_protocol_version"));
        Object chain = request.getAttribute("jakarta.servlet.request.X509Certificate");
        if (chain instanceof X509Certificate[] certificates) {
            for (X509Certificate one : certificates) {
                out.println("certificate=" + describe(one));
            }
        }
        for (String name : Collections.list(request.getHeaderNames())) {
            if (name.toLowerCase().matches("(x[-_])?ssl[-_].*|x[-_]forwarded[-_]client[-_]cert")) {
                out.println("forged=" + name);
            }
        }
    }

    private static String describe(X509Certificate one) throws IOException {
        try {
            return one.getSubjectX500Principal().getName() + " " + one.getSerialNumber() + " " + one.getEncoded().length;
        } catch (java.security.cert.CertificateEncodingException e) {
            throw new IOException(e);
        }
    }
}
