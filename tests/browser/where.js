// Unpacks the headless Chromium and prints its path.
import chromium from "@sparticuz/chromium";

console.log(await chromium.executablePath());
