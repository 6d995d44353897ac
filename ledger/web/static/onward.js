// On to where the person wanted to go: from a page of ours, so that the session's cookie goes along.
location.replace(document.getElementById("onward").href);
