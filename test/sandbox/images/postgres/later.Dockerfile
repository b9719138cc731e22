# A later major version, where the official image of 18 has its data: below a volume at /var/lib/postgresql.
ARG BASE
FROM ${BASE}
ARG MAJOR
ARG PGDATA
ARG MOUNTED
ENV PATH=/usr/lib/postgresql/${MAJOR}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 PG_MAJOR=${MAJOR} PGDATA=${PGDATA}
RUN echo "listen_addresses = '*'" >> /usr/share/postgresql/${MAJOR}/postgresql.conf.sample \
    && mkdir -p /docker-entrypoint-initdb.d /var/run/postgresql "$PGDATA" \
    && chown postgres:postgres /var/run/postgresql "$PGDATA" && chmod 2775 /var/run/postgresql
COPY entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME ${MOUNTED}
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
