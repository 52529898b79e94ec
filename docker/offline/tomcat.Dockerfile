# Debian's Tomcat 10 with the layout of the official image.
FROM debian:bookworm-slim
# Java's package makes links in the folder of manual pages, which slim images lack.
RUN mkdir -p /usr/share/man/man1 \
    && apt-get update \
    && apt-get install --yes --no-install-recommends default-jre-headless tomcat10 \
    && rm -rf /var/lib/apt/lists/*
ENV CATALINA_HOME=/usr/share/tomcat10 \
    CATALINA_BASE=/usr/local/tomcat \
    PATH=/usr/share/tomcat10/bin:$PATH
WORKDIR $CATALINA_BASE
RUN mkdir logs temp webapps work \
    && chmod 1777 logs temp work \
    && cp -rL /etc/tomcat10 conf \
    && chmod -R +rX conf
CMD ["catalina.sh", "run"]
