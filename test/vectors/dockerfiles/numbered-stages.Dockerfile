FROM golang:1.22
WORKDIR /go/src/app
COPY . .
RUN CGO_ENABLED=0 go build -o app .

FROM alpine:3.20
RUN apk --no-cache add ca-certificates
WORKDIR /root/
COPY --from=0 /go/src/app/app ./
CMD ["./app"]

FROM alpine:latest
COPY --from=1 /root/app /app
COPY --from=nginx:alpine /etc/nginx/nginx.conf /nginx.conf
