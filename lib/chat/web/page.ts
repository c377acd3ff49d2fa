/**
 * The page of `parley chat server --web`: one HTML file, with its script and its style in it.
 *
 * @module
 */

/** The page. */
export const PAGE: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>parley</title>
<link rel="icon" href="data:,">
<style>body { font-family: sans-serif; margin: 2rem; }</style>
</head>
<body>
<p id="said">This page needs JavaScript.</p>
<script>document.getElementById("said").textContent = "The page is not built yet.";</script>
</body>
</html>
`;
