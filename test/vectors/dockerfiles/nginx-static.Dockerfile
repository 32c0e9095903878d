FROM nginx:1.27-alpine-slim
RUN rm /etc/nginx/conf.d/default.conf
COPY <<'EOF' /etc/nginx/conf.d/site.conf
server {
    listen 8080;
    root /usr/share/nginx/html;
    location / {
        try_files $uri $uri/ /index.html;
        add_header X-From "nginx";
    }
}
EOF
COPY --link dist/ /usr/share/nginx/html/
EXPOSE 8080
STOPSIGNAL SIGQUIT
