# Texte der Seiten, die Lernende sehen. Schlüssel beginnen mit dem Namen ihrer Seite.

## Anmelden
sign-in-title = Anmelden
sign-in-to = Bei { $account } anmelden
sign-in-email = E-Mail-Adresse
sign-in-password = Passwort
sign-in-submit = Anmelden
sign-in-or = oder
sign-in-send-link = Link zusenden
sign-in-send-link-hint = Kein Passwort? Wir senden Ihnen einen Link, mit dem Sie sich anmelden.
sign-in-link-sent-title = Sehen Sie in Ihr Postfach
sign-in-link-sent = Falls wir diese Adresse kennen, ist eine E-Mail mit einem Anmeldelink unterwegs. Sie sollte in wenigen Minuten ankommen; bitte sehen Sie auch im Spam-Ordner nach.
sign-in-wrong = E-Mail-Adresse und Passwort passen nicht zusammen. Prüfen Sie beides oder lassen Sie sich einen Link zusenden.
sign-in-code = Code aus Ihrer Authenticator-App
sign-in-code-wrong = Dieser Code stimmt nicht. Codes wechseln alle 30 Sekunden; geben Sie den ein, der gerade angezeigt wird.
sign-in-signed-out = Sie sind abgemeldet.

## Anmeldelink bestätigen
confirm-title = Als { $name } anmelden
confirm-explain = Sie haben einen Anmeldelink für { $email } geöffnet. Er gilt einmal, und erst, wenn Sie auf den Knopf drücken.
confirm-submit = Ja, jetzt anmelden
confirm-not-you = Das sind nicht Sie? Schließen Sie diese Seite; es ist nichts geschehen.
confirm-expired-title = Dieser Link ist abgelaufen
confirm-expired = Anmeldelinks gelten nur { $days ->
    [one] einen Tag
   *[other] { $days } Tage
}. Lassen Sie sich einen neuen zusenden; das dauert nur einen Augenblick.
confirm-used-title = Dieser Link wurde schon benutzt
confirm-used = Mit jedem Link können Sie sich einmal anmelden. Lassen Sie sich einen neuen zusenden oder melden Sie sich mit Ihrem Passwort an.
confirm-invalid-title = Dieser Link funktioniert nicht
confirm-invalid = Vielleicht ging beim Kopieren ein Teil verloren. Öffnen Sie ihn noch einmal aus der E-Mail oder lassen Sie sich einen neuen zusenden.
confirm-new-link = Neuen Link zusenden

## Passwort festlegen
password-title = Passwort wählen
password-explain = Mit einem Passwort können Sie sich anmelden, ohne auf eine E-Mail zu warten.
password-rule-length = Mindestens { $length } Zeichen; mehrere Wörter lassen sich gut merken
password-rule-common = Keines, das viele Menschen benutzen
password-new = Neues Passwort
password-repeat = Noch einmal dasselbe Passwort
password-submit = Passwort speichern
password-skip = Jetzt nicht
password-saved = Ihr Passwort ist gespeichert.
password-too-short = Dieses Passwort ist zu kurz. Es braucht mindestens { $length } Zeichen.
password-too-common = Dieses Passwort benutzen viele, es ist leicht zu erraten. Bitte wählen Sie ein anderes.
password-differ = Die beiden Passwörter sind nicht gleich. Bitte geben Sie beide noch einmal ein.

## Meine Kurse
courses-title = Meine Kurse
courses-greeting = Guten Tag, { $name }
courses-count = { $count ->
    [one] Ein Kurs
   *[other] { $count } Kurse
}
courses-progress = { $percent } % geschafft
courses-not-started = Noch nicht begonnen
courses-completed = Abgeschlossen am { $date }
courses-until = Zugang bis { $date }
courses-no-end = Ohne Enddatum
courses-ended = Beendet am { $date }
courses-days-left = { $days ->
    [0] Letzter Tag
    [one] Noch ein Tag
   *[other] Noch { $days } Tage
}
courses-start = Beginnen
courses-continue = Fortsetzen
courses-review = Noch einmal ansehen
courses-certificate = Zertifikat
courses-preparing = Ihr Zugang wird eingerichtet. Das dauert höchstens einige Minuten.
courses-waitlisted = Sie stehen auf der Warteliste (Platz { $place }). Wir schreiben Ihnen, sobald ein Platz frei ist.
courses-from-team = Über { $team }
courses-empty-title = Noch keine Kurse
courses-empty = Sobald Ihnen jemand einen Kurs gibt, erscheint er hier, und wir schreiben Ihnen.

## Meine Teams
teams-title = Meine Teams
teams-empty = Sie sind in keinem Team.
teams-role = Ihre Rolle: { $role }
teams-leave = Dieses Team verlassen
teams-leave-confirm = { $team } verlassen? Sie geben damit die Plätze zurück, die Sie über das Team haben.

## Einladung annehmen
invitation-title = { $team } beitreten
invitation-from = { $inviter } lädt Sie in das Team { $team } ein.
invitation-from-account = { $account } lädt Sie in das Team { $team } ein.
invitation-courses = { $count ->
    [one] Sie erhalten diesen Kurs:
   *[other] Sie erhalten diese Kurse:
}
invitation-first-name = Vorname
invitation-last-name = Nachname
invitation-accept = Annehmen
invitation-decline = Nein, danke
invitation-declined = Sie haben die Einladung abgelehnt. Niemand wird Ihnen deswegen noch einmal schreiben.
invitation-expired = Diese Einladung ist abgelaufen. Bitte erbitten Sie von { $team } eine neue.
invitation-revoked = Diese Einladung wurde zurückgezogen. Bitte fragen Sie bei { $team } nach, wenn Sie das für ein Versehen halten.
invitation-accepted = Sie haben diese Einladung schon angenommen. Melden Sie sich an, um Ihre Kurse zu sehen.
invitation-other-person = Sie sind als { $email } angemeldet, die Einladung gilt aber einer anderen Adresse. Melden Sie sich zuerst ab, um sie anzunehmen.

## Auf jeder Seite
page-sign-out = Abmelden
page-back = Zurück zu meinen Kursen
page-help = Fragen? Schreiben Sie an { $email }.
page-language = Sprache
page-skip-to-content = Zum Inhalt springen

## Fehler
error-not-found-title = Hier ist nichts
error-not-found = Die Adresse stimmt nicht, oder was hier war, gibt es nicht mehr.
error-forbidden-title = Das dürfen Sie nicht sehen
error-forbidden = Ihre Rolle umfasst diese Seite nicht. Fragen Sie die Person, der Ihr Team gehört, wenn Sie sie brauchen.
error-too-many-title = Einen Augenblick, bitte
error-too-many = Das war zu oft in kurzer Zeit. Versuchen Sie es in { $seconds ->
    [one] einer Sekunde
   *[other] { $seconds } Sekunden
} noch einmal.
error-form-expired = Diese Seite war zu lange offen. Bitte senden Sie das Formular noch einmal ab.
error-internal-title = Hier ist etwas schiefgegangen
error-internal = Es liegt nicht an Ihnen, und wir wissen davon. Wenn Sie uns deswegen schreiben, nennen Sie diese Nummer: { $request }
