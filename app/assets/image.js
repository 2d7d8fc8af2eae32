// Ctrl+V anywhere on the page hands a copied picture to the drop zone.
document.addEventListener("paste", (event) => {
  const picture = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
  const input = document.querySelector("#fersys-upload input[type=file]");
  if (!picture || !input) return;
  const files = new DataTransfer();
  files.items.add(picture);
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
