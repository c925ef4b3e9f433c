# escape=`
FROM mcr.microsoft.com/windows/servercore:ltsc2022
SHELL ["powershell", "-Command"]
RUN Invoke-WebRequest https://example.org/a.exe -OutFile C:\a.exe; `
    Get-Date
WORKDIR C:\app
COPY app.exe C:\app\
# expected: floating-image
