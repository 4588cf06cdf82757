# Texte der Seiten, die Lernende sehen. Schlüssel beginnen mit dem Namen ihrer Seite.

## Anmelden
sign-in-title = Anmelden
sign-in-lead = Mit Ihrem Passwort oder mit einem Link, den wir Ihnen zusenden.
sign-in-email = E-Mail-Adresse
sign-in-password = Passwort
sign-in-submit = Anmelden
sign-in-or = oder
sign-in-send-link = Anmeldelink zusenden
sign-in-email-wrong = Das ist keine vollständige E-Mail-Adresse wie ada@example.com.
sign-in-password-missing = Geben Sie Ihr Passwort ein oder nehmen Sie den Link.
sign-in-link-sent-title = Sehen Sie in Ihr Postfach
sign-in-link-sent = Falls wir { $email } kennen, ist eine E-Mail mit einem Anmeldelink unterwegs. Sie kommt in wenigen Minuten an; bitte sehen Sie auch im Spam-Ordner nach.
sign-in-back = Zurück zur Anmeldung
sign-in-wrong = E-Mail-Adresse und Passwort passen nicht zusammen. Prüfen Sie beides oder lassen Sie sich einen Link zusenden.
sign-in-signed-out = Sie sind abgemeldet.
sign-in-choose-title = Wohin möchten Sie?
sign-in-choose = Ihre Adresse ist in mehreren Konten bekannt. Wählen Sie eines.

## Anmeldelink bestätigen
confirm-title = Als { $name } anmelden
confirm-explain = Sie haben einen Anmeldelink von { $account } für { $email } geöffnet. Er gilt einmal, und erst, wenn Sie auf den Knopf drücken.
confirm-submit = Ja, jetzt anmelden
confirm-not-you = Das sind nicht Sie? Schließen Sie diese Seite; es ist nichts geschehen.
confirm-other = Im Augenblick ist hier { $email } angemeldet. Wenn Sie weitergehen, wird diese Person hier abgemeldet.
confirm-expired-title = Dieser Link ist abgelaufen
confirm-expired = Anmeldelinks gelten nur für begrenzte Zeit. Lassen Sie sich einen neuen zusenden; das dauert nur einen Augenblick.
confirm-used-title = Dieser Link wurde schon benutzt
confirm-used = Mit jedem Link können Sie sich einmal anmelden. Lassen Sie sich einen neuen zusenden oder melden Sie sich mit Ihrem Passwort an.
confirm-invalid-title = Dieser Link funktioniert nicht
confirm-invalid = Vielleicht ging beim Kopieren ein Teil verloren. Öffnen Sie ihn noch einmal aus der E-Mail oder lassen Sie sich einen neuen zusenden.
confirm-new-link = Neuen Link zusenden

## Passwort festlegen
password-title = Passwort wählen
password-explain = Mit einem Passwort können Sie sich anmelden, ohne auf eine E-Mail zu warten.
password-change-title = Passwort ändern
password-change-explain = Hier bleiben Sie angemeldet; überall sonst werden Sie abgemeldet.
password-rule = Mindestens { $length } Zeichen. Mehrere Wörter lassen sich gut merken.
password-new = Neues Passwort
password-repeat = Noch einmal dasselbe Passwort
password-submit = Passwort speichern
password-skip = Jetzt nicht
password-saved = Ihr Passwort ist gespeichert.
password-too-short = Dieses Passwort ist zu kurz. Es braucht mindestens { $length } Zeichen.
password-too-long = Dieses Passwort ist zu lang. Es darf höchstens { $length } Bytes haben.
password-repeated = Bitte wiederholen Sie nicht immer dasselbe Stück.
password-sequence = Bitte verwenden Sie keine Folgen aus dem Alphabet, den Ziffern oder der Tastatur.
password-too-common = Dieses Passwort benutzen viele, es ist leicht zu erraten. Bitte wählen Sie ein anderes.
password-personal = Bitte bilden Sie das Passwort nicht aus Ihrem Namen, Ihrer Adresse oder Ihrer Firma.
password-differ = Die beiden Passwörter sind nicht gleich. Bitte geben Sie beide noch einmal ein.

## Meine Kurse
courses-title = Meine Kurse
courses-greeting = Guten Tag, { $name }
courses-count = { $count ->
    [0] Sie haben noch keine Kurse.
    [one] Sie haben einen Kurs.
   *[other] Sie haben { $count } Kurse.
}
courses-progress = { $percent } % geschafft
courses-not-started = Noch nicht begonnen
courses-completed = Abgeschlossen am { $date }
courses-done = Abgeschlossen
courses-until = Zugang bis { $date }
courses-no-end = Ohne Enddatum
courses-ended = Beendet am { $date }
courses-days-left = { $days ->
    [0] Letzter Tag
    [one] Noch ein Tag
   *[other] Noch { $days } Tage
}
courses-preparing = Ihr Zugang wird vorbereitet. Das dauert höchstens ein paar Minuten.
courses-failed = Ihr Zugang konnte noch nicht eingerichtet werden. Wir wissen davon und versuchen es weiter.
courses-waitlisted = Sie stehen auf der Warteliste (Platz { $place }). Sobald ein Platz frei ist, schreiben wir Ihnen.
courses-going-back = Ihr Platz in { $product } wird am { $date } frei, weil Sie ihn nicht nutzen.
courses-going-back-way = Möchten Sie ihn behalten? Öffnen Sie vorher einen der Kurse.
courses-empty-title = Noch keine Kurse
courses-empty = Sobald Ihnen jemand einen Kurs gibt, erscheint er hier, und wir schreiben Ihnen.

## Meine Teams
teams-title = Meine Teams
teams-empty = Sie sind in keinem Team.
teams-owner = Inhaber
teams-manager = Leitung
teams-member = Mitglied

## Um einen Platz bitten
requests-title = Plätze, um die ich gebeten habe
requests-ask = Um einen Platz bitten
requests-lead = Wer Ihr Team betreut, entscheidet darüber. Sie erhalten dann eine E-Mail.
requests-product = Was möchten Sie lernen?
requests-note = Ein Wort dazu
requests-note-hint = Wofür Sie den Platz brauchen, oder bis wann. Das Feld darf leer bleiben.
requests-submit = Um einen Platz bitten
requests-asked = Sie haben um einen Platz gebeten. Sobald entschieden ist, erhalten Sie eine E-Mail.
requests-pending = Noch nicht entschieden
requests-approved = Angenommen
requests-declined = Abgelehnt
requests-cancelled = Zurückgezogen
requests-cancel = Zurückziehen
requests-taken-back = Ihre Anfrage ist zurückgezogen.
requests-open = { $count ->
    [0] Keine Anfrage wartet auf Sie.
    [one] Eine Anfrage nach einem Platz wartet auf Sie.
   *[other] { $count } Anfragen nach Plätzen warten auf Sie.
}
requests-decide = Entscheiden
requests-decide-title = Anfragen nach Plätzen
requests-none-title = Nichts zu entscheiden
requests-none = Sobald jemand aus Ihrem Team um einen Platz bittet, steht es hier, und wir schreiben Ihnen.
requests-approve = Annehmen
requests-approve-wait = Annehmen, notfalls auf die Warteliste
requests-decline-open = Ablehnen …
requests-decline = Ablehnen
requests-reason = Grund
requests-reason-hint = Steht in der E-Mail an die Person. Das Feld darf leer bleiben.
requests-was-approved = Angenommen. Die Person hat den Platz und erhält eine E-Mail.
requests-now-waits = Angenommen. Im Moment ist kein Platz frei, darum wartet die Person in der Reihe und erhält eine E-Mail.
requests-was-declined = Abgelehnt. Die Person erhält eine E-Mail.

## Jede Seite
page-sign-out = Abmelden
page-menu = Ihr Menü
page-password = Passwort
page-dashboard = Dashboard
page-skip-to-content = Zum Inhalt
page-home = Zum Anfang

## Fehler
error-not-found-title = Hier ist nichts
error-not-found = Die Adresse stimmt nicht, oder was hier war, ist nicht mehr da.
error-forbidden-title = Diese Seite ist nicht für Sie
error-forbidden = Ihre Rolle umfasst diese Seite nicht. Fragen Sie die Inhaberin oder den Inhaber Ihres Teams, wenn Sie sie brauchen.
error-too-many-title = Einen Augenblick, bitte
error-too-many = Das war zu oft in kurzer Zeit. Versuchen Sie es in { $seconds ->
    [one] einer Sekunde
   *[other] { $seconds } Sekunden
} noch einmal.
error-form-expired-title = Bitte noch einmal
error-form-expired = Diese Seite war zu lange offen, oder Sie haben sich in einem anderen Fenster an- oder abgemeldet. Öffnen Sie sie neu und senden Sie das Formular dann.
error-internal-title = Hier ist etwas schiefgegangen
error-internal = Es liegt nicht an Ihnen, und wir wissen davon. Wenn Sie uns deswegen schreiben, nennen Sie diese Nummer: { $request }

## Eine Einladung annehmen
invitation-title = Einladung in das Team { $team }
invitation-lead = { $inviter } lädt Sie ein, in diesem Team zu lernen.
invitation-lead-company = { $company } lädt Sie ein, in diesem Team zu lernen.
invitation-team = Team
invitation-organization = Organisation
invitation-role = Ihre Rolle
invitation-products = Sie erhalten
invitation-for = Einladung für
invitation-until = Offen bis
invitation-name = Ihr Name
invitation-accept = Annehmen und beitreten
invitation-decline = Ablehnen
invitation-other = Sie sind als { $email } angemeldet, die Einladung ist für { $invited }. Wenn Sie annehmen, wird die andere Person hier abgemeldet; möchten Sie das nicht, schließen Sie diese Seite: Es ist nichts geschehen.
invitation-sign-in = Diese Adresse hat schon ein Konto. Melden Sie sich als { $email } an und nehmen Sie dann an.
invitation-sign-in-button = Anmelden und annehmen
invitation-declined-title = Sie haben abgelehnt
invitation-declined = Wer Sie eingeladen hat, sieht das. Überlegen Sie es sich anders, bitten Sie um eine neue Einladung.
invitation-full = Im Moment ist kein Platz für Sie frei. Die Einladung bleibt offen: Fragen Sie, wer Sie eingeladen hat.
invitation-superseded-title = Es gibt eine neuere Einladung
invitation-superseded = Diese Einladung wurde Ihnen noch einmal geschickt, und nur die neueste E-Mail gilt. Bitte öffnen Sie den Link darin.
invitation-accepted-title = Diese Einladung ist angenommen
invitation-accepted = Sie sind schon im Team. Melden Sie sich an, um Ihre Kurse zu sehen.
invitation-expired-title = Diese Einladung ist abgelaufen
invitation-expired = Bitten Sie, wer Sie eingeladen hat, sie noch einmal zu schicken; das ist ein Klick.
invitation-revoked-title = Diese Einladung wurde zurückgenommen
invitation-revoked = Sie gilt nicht mehr. Halten Sie das für einen Irrtum, fragen Sie, wer Sie eingeladen hat.
invitation-invalid-title = Dieser Link funktioniert nicht
invitation-invalid = Vielleicht ging beim Kopieren ein Teil verloren. Öffnen Sie ihn noch einmal aus der E-Mail.
invitation-welcome = Geschafft. Willkommen im Team { $team }!

## Über einen Link beitreten
join-title = Dem Team { $team } beitreten
join-lead = Geben Sie Ihren Namen und Ihre Adresse ein. Wir schicken Ihnen eine E-Mail; mit dem Link darin treten Sie bei.
join-lead-approval = Geben Sie Ihren Namen und Ihre Adresse ein. Sie bestätigen die Adresse über eine E-Mail; danach wird über Ihre Anfrage entschieden.
join-name = Ihr Name
join-email = Ihre E-Mail-Adresse
join-domains = Angenommen werden Adressen dieser Domains: { $domains }.
join-submit = Beitreten
join-as = Als { $name } beitreten
join-as-lead = Sie sind als { $email } angemeldet.
join-not-you = Nicht Sie? Melden Sie sich zuerst ab.
join-products = Sie erhalten
join-name-missing = Bitte geben Sie Ihren Namen ein.
join-email-wrong = Das ist keine vollständige E-Mail-Adresse wie ada@example.com.
join-sent-title = Sehen Sie in Ihr Postfach
join-sent = Eine E-Mail an { $email } ist unterwegs. Öffnen Sie den Link darin, um beizutreten; bis dahin ist kein Platz belegt. Bitte sehen Sie auch im Spam-Ordner nach.
join-confirm-title = Dem Team { $team } beitreten?
join-confirm-lead = Sie treten mit der Adresse { $email } bei.
join-confirm-submit = Ja, beitreten
join-confirm-other = Im Moment sind Sie als { $email } angemeldet. Wenn Sie fortfahren, wird diese Person hier abgemeldet.
join-waits-title = Danke, einen Moment noch
join-waits = Ihre Adresse ist bestätigt. Über Ihre Anfrage wird entschieden; Sie erhalten dann eine E-Mail.
join-joined-title = Sie sind dabei
join-joined = Sie sind schon beigetreten. Melden Sie sich an, um Ihre Kurse zu sehen.
join-declined-title = Ihre Anfrage wurde abgelehnt
join-declined = Halten Sie das für einen Irrtum, fragen Sie, von wem Sie den Link haben.
join-lapsed-title = Dieser Link ist abgelaufen
join-lapsed = Öffnen Sie die Seite des Teams noch einmal und geben Sie Ihre Adresse neu ein.
join-invalid-title = Dieser Link funktioniert nicht
join-invalid = Vielleicht ging beim Kopieren ein Teil verloren, oder es gibt ihn nicht mehr. Fragen Sie, von wem Sie ihn haben.
join-refused-title = Beitreten ist im Moment nicht möglich
join-paused = Der Link ist angehalten. Fragen Sie, von wem Sie ihn haben.
join-not-started = Der Link gilt ab { $date }. Bitte kommen Sie dann wieder.
join-expired = Der Link galt bis { $date }. Bitten Sie um einen neuen.
join-used-up = Über diesen Link sind so viele Personen beigetreten wie vorgesehen. Fragen Sie, von wem Sie ihn haben.
join-domain = Dieser Link nimmt nur Adressen dieser Domains an: { $domains }.
join-full = Im Moment ist kein Platz frei. Fragen Sie, von wem Sie den Link haben.
join-deactivated = Diese Person darf sich hier nicht anmelden. Fragen Sie das Unternehmen, das diese Seite betreibt.
join-welcome = Geschafft. Willkommen im Team { $team }!

## E-Mails über eine Anfrage
joined-heading = Sie sind im Team { $team }
joined-text = Ihre Anfrage wurde angenommen. Ihre Kurse stehen Ihnen offen.
joined-button = Zu meinen Kursen
declined-heading = Ihre Anfrage an das Team { $team }
declined-text = Ihre Anfrage, dem Team { $team } beizutreten, wurde abgelehnt.

## E-Mails über knappe Plätze
seat-low-heading = { $product }: { $used } von { $quantity } Plätzen sind belegt
seat-full-heading = { $product }: alle { $quantity } Plätze sind belegt
seat-low-text = { $free ->
    [0] Es ist kein Platz mehr frei. Weitere Wünsche werden abgelehnt oder warten.
    [one] Ein Platz ist noch frei.
   *[other] { $free } Plätze sind noch frei.
}
seat-low-way = Fügen Sie rechtzeitig Plätze hinzu, oder nehmen Sie zurück, was niemand nutzt.
seat-low-button = Platzkontingent ansehen
