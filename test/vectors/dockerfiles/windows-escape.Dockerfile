# escape=`

ARG WINDOWS_VERSION=ltsc2022
FROM mcr.microsoft.com/windows/servercore:${WINDOWS_VERSION}
SHELL ["powershell", "-Command", "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';"]
RUN Invoke-WebRequest -Uri https://example.com/setup.zip -OutFile C:\setup.zip; `
    Expand-Archive C:\setup.zip -DestinationPath C:\app; `
    Remove-Item C:\setup.zip
WORKDIR C:\app
COPY . C:\app\
CMD ["C:\\app\\app.exe"]
