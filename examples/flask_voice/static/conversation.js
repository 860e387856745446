// Bubbles of text: what the user and the model say.

const conversation = document.getElementById("conversation");

export function bubble(role, text = "") {
  const paragraph = document.createElement("p");
  paragraph.className = role;
  paragraph.textContent = text;
  conversation.append(paragraph);
  paragraph.scrollIntoView({ block: "end" });
  return paragraph;
}

export function show(paragraph, text) {
  paragraph.textContent = text;
  paragraph.scrollIntoView({ block: "end" });
}
