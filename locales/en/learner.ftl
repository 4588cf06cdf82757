# Texts of the pages a learner sees. Keys begin with the name of their page.

## Sign in
sign-in-title = Sign in
sign-in-to = Sign in to { $account }
sign-in-email = E-mail address
sign-in-password = Password
sign-in-submit = Sign in
sign-in-or = or
sign-in-send-link = Send me a link
sign-in-send-link-hint = No password? We will mail you a link that signs you in.
sign-in-link-sent-title = Check your mail
sign-in-link-sent = If this address is known, a mail with a sign-in link is on its way. It should arrive within a few minutes; please look in your spam folder too.
sign-in-wrong = That e-mail address and password do not match. Check both, or have a link sent to you.
sign-in-code = Code from your authenticator app
sign-in-code-wrong = That code is not right. Codes change every 30 seconds; enter the one shown now.
sign-in-signed-out = You are signed out.

## Confirm a sign-in link
confirm-title = Sign in as { $name }
confirm-explain = You opened a sign-in link for { $email }. It works once, and only when you press the button.
confirm-submit = Yes, sign me in
confirm-not-you = Not you? Close this page; nothing has happened.
confirm-expired-title = This link has expired
confirm-expired = Sign-in links work for { $days ->
    [one] one day
   *[other] { $days } days
} only. Have a new one sent to you; it takes a moment.
confirm-used-title = This link has been used
confirm-used = Each link signs you in once. Have a new one sent to you, or sign in with your password.
confirm-invalid-title = This link does not work
confirm-invalid = Perhaps part of it was lost when it was copied. Open it from the mail again, or have a new one sent to you.
confirm-new-link = Send me a new link

## Set a password
password-title = Choose a password
password-explain = With a password you can sign in without waiting for a mail.
password-rule-length = At least { $length } characters; several words are easy to remember
password-rule-common = Not one that many people use
password-new = New password
password-repeat = The same password again
password-submit = Save password
password-skip = Not now
password-saved = Your password is saved.
password-too-short = This password is too short. It needs at least { $length } characters.
password-too-common = Many people use this password, so it is easy to guess. Please choose another.
password-differ = The two passwords are not the same. Please type both again.

## My courses
courses-title = My courses
courses-greeting = Hello { $name }
courses-count = { $count ->
    [one] One course
   *[other] { $count } courses
}
courses-progress = { $percent } % done
courses-not-started = Not started yet
courses-completed = Completed on { $date }
courses-until = Open until { $date }
courses-no-end = No end date
courses-ended = Ended on { $date }
courses-days-left = { $days ->
    [0] Last day
    [one] One day left
   *[other] { $days } days left
}
courses-start = Start
courses-continue = Continue
courses-review = Look again
courses-certificate = Certificate
courses-preparing = Your access is being prepared. This takes a few minutes at most.
courses-waitlisted = You are on the waiting list (place { $place }). We will mail you when a seat is free.
courses-from-team = Through { $team }
courses-empty-title = No courses yet
courses-empty = As soon as somebody gives you a course, it appears here and we mail you.

## My teams
teams-title = My teams
teams-empty = You are not in a team.
teams-role = Your role: { $role }
teams-leave = Leave this team
teams-leave-confirm = Leave { $team }? You give back the seats you hold through it.

## Accept an invitation
invitation-title = Join { $team }
invitation-from = { $inviter } invites you to { $team }.
invitation-from-account = { $account } invites you to { $team }.
invitation-courses = { $count ->
    [one] You get this course:
   *[other] You get these courses:
}
invitation-first-name = First name
invitation-last-name = Last name
invitation-accept = Accept
invitation-decline = No, thank you
invitation-declined = You have declined the invitation. Nobody will write to you about it again.
invitation-expired = This invitation has expired. Please ask { $team } for a new one.
invitation-revoked = This invitation was withdrawn. Please ask { $team } if you think that is a mistake.
invitation-accepted = You have already accepted this invitation. Sign in to see your courses.
invitation-other-person = You are signed in as { $email }, but the invitation is for another address. Sign out first to accept it.

## Every page
page-sign-out = Sign out
page-back = Back to my courses
page-help = Questions? Write to { $email }.
page-language = Language
page-skip-to-content = Go to the content

## Errors
error-not-found-title = There is nothing here
error-not-found = The address is not right, or what was here is gone.
error-forbidden-title = You may not see this
error-forbidden = Your role does not include this page. Ask the owner of your team if you need it.
error-too-many-title = One moment, please
error-too-many = That was too often in a short time. Try again in { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
}.
error-form-expired = This page was open for too long. Please send the form again.
error-internal-title = Something went wrong here
error-internal = It is not your fault, and we know of it. If you write to us about it, quote this number: { $request }
